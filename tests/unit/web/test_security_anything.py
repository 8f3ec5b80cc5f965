"""Whatever is sent, written or answered: a value, or the one error that the package documents."""

import asyncio
import os
import string
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from app.config.logs import logfmt
from app.config.settings import BadConfig, Settings, checked, parse
from app.config.web import Whole
from app.config.yaml_marks import read
from app.errors import Retryable
from app.gate.answers import Mode, Process
from app.gate.client import Gate
from app.intake.body import parse as parse_message
from app.intake.body import to_alerts
from app.intake.message import BadMessage
from app.model import ProcessId
from app.web.api.artifacts import wanted_span
from app.web.auth.guard import host_name, refuse_other_sites
from app.web.auth.tokens import Tokens
from app.web.auth.users import Users
from app.web.etag import is_known
from app.web.problem import refused_message
from tests.unit.web.test_security_users import PEOPLE

TOKEN = "0123456789abcdef0123456789abcdef"
MANY = settings(max_examples=int(os.environ.get("ALERTPROF_EXAMPLES", "300")), deadline=None)  # `make fuzz` sets it

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
trees = st.recursive(scalars, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(max_size=9), t, max_size=3))


# --- configuration ---

KEYS = [
    "ssh", "hosts", "allowed_hosts", "storage", "auth", "limits", "rules", "matchers", "match", "port", "user", "name",
    "tls_server_config", "cert_file", "key_file", "basic_auth_users", "http_server_config", "headers", "duration",
    "only", "resolvers", "exe", "database", "retention", "cooldown", "jump_host", "address", "min_version",
    "client_auth_type",
]  # fmt: skip
keyed = st.recursive(
    scalars, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.sampled_from(KEYS), t, max_size=5), max_leaves=15
)
yaml_texts = (
    st.text(max_size=200) | st.text(alphabet="{}[]:,-&*!|>'\"# \n\tab01", max_size=60) | keyed.map(yaml.safe_dump)
)


@MANY
@given(yaml_texts)
def test_any_configuration_is_settings_or_faults_with_places(text: str) -> None:
    try:
        assert isinstance(parse(text, Path("/nowhere/alertprof.yml"), Path("/nowhere")), Settings)
    except BadConfig as bad:
        assert bad.faults
        assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in bad.faults)


@MANY
@given(yaml_texts)
def test_any_web_configuration_is_read_or_refused_with_places(text: str) -> None:
    try:
        checked(read(text), Path("/nowhere/web.yml"), Whole)
    except BadConfig as bad:
        assert bad.faults


# --- what a host answers ---


class Answering:
    """A Pipe on which the gate says hello and then these bytes, whatever it is asked."""

    def __init__(self, answer: bytes) -> None:
        self.waiting = b"ready 1 boot dash\n" + answer

    def send(self, data: bytes, timeout: float) -> None:
        """Goes nowhere."""

    def recv(self, size: int, timeout: float) -> bytes:
        data, self.waiting = self.waiting[:7], self.waiting[7:]
        return data

    def close(self) -> None:
        """Nothing to close."""


words = st.sampled_from(
    ["process", "exe", "file", "open", "free", "pid", "start", "image", "state", "uid", "nspid", "tracer", "mode",
     "mask", "caught", "uptime", "cmdline", "live", "versions", "hidden", "fired", "warning", "size", ".1", ".1 ok",
     ".2", "7", "1:1", "toggle", "cpu", "1700000000", "vanished", "ffffffff", "0", "", "\\x01", "nan", "-1", "1e9", "٣"]
)  # fmt: skip
lines = st.lists(st.lists(words | st.text(max_size=5), max_size=5).map(" ".join), max_size=25).map("\n".join)
answers = st.binary(max_size=300) | lines.map(str.encode) | lines.map(lambda text: f"{text}\n.1 ok\n".encode())
PROCESS = ProcessId("boot", 7, 1, "1:1")


@MANY
@given(answers)
def test_any_answer_of_a_gate_is_facts_or_passing(answer: bytes) -> None:
    def gate() -> Gate:
        return Gate(Answering(answer), "host", send_script=True)

    asked: list[Any] = [
        lambda: gate().look(7),
        lambda: gate().processes(),
        lambda: gate().listeners(80),
        lambda: gate().start(PROCESS, Mode.TOGGLE, 1, TOKEN),
        lambda: gate().status(TOKEN),
        lambda: gate().stop(TOKEN),
        lambda: gate().drop(TOKEN),
    ]
    for ask in asked:
        with suppress(Retryable):
            said = ask()
            assert not isinstance(said, Process) or 0 <= said.id.pid < 10**20


@MANY
@given(answers, st.integers(0, 100))
def test_whatever_a_gate_sends_for_a_file_no_more_than_the_limit_is_written(answer: bytes, limit: int) -> None:
    got = bytearray()
    with suppress(Retryable):
        Gate(Answering(answer), "host", send_script=True).fetch(TOKEN, {"cpu": got.extend}, limit, 5)
    assert len(got) <= limit


# --- what is posted ---


@MANY
@given(st.binary(max_size=300) | trees.map(lambda tree: repr(tree).encode("utf-8", "replace")))
def test_any_body_is_a_message_or_a_refusal(body: bytes) -> None:
    try:
        for alert in to_alerts(parse_message(body)):
            assert alert.fault or isinstance(alert.starts_at, datetime)
    except BadMessage as bad:
        refused = refused_message(bad)
        assert refused.status_code in (400, 413, 422)
        assert refused.detail.isprintable()


header_values = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=80)


@MANY
@given(header_values | header_values.map("Basic {}".format) | header_values.map("Bearer {}".format))
def test_any_authorization_opens_nothing(header: str) -> None:
    assert not asyncio.run(Tokens(users=Users(lambda: PEOPLE)).allows("GET", "/captures", header))


@MANY
@given(header_values)
def test_any_host_origin_range_or_etag_is_answered(value: str) -> None:
    assert host_name(value) is not None
    with suppress(HTTPException):
        refuse_other_sites(Headers({"origin": value, "host": "a"}), "a")
    with suppress(HTTPException):
        span = wanted_span(Headers({"range": value.replace("x", "bytes=")}), '"e"', 100)
        assert span is None or 0 <= span[0] < span[1] <= 100
    is_known(Headers({"if-none-match": value}), '"e"')


# --- what is logged ---


@MANY
@given(st.dictionaries(st.sampled_from(string.ascii_letters), st.text() | trees, max_size=5))
def test_any_logged_value_stays_on_its_line(event: dict[str, Any]) -> None:
    assert logfmt(None, "info", event).isprintable(), "which a newline is not"
