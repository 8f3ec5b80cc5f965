"""Thousands of sets of labels that somebody might send to make us run a command, or to go where we should not.

The resolvers, the host pool, the gate's client and the router are the real ones; only the wire is a recorder.
"""

import os
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app.captures.artifacts import artifact_name
from app.errors import AlertprofError, Code
from app.gate.assemble import SCRIPT
from app.gate.entry import GUARD, SENT_COMMAND
from app.gate.pool import HostPool
from app.hosts.route import Route
from app.hosts.settings import HostsSettings, SshOptions
from app.hosts.ssh import Connector
from app.model import Capture, Kind, Target, Trigger
from app.resolvers.base import Candidates
from app.resolvers.order import RESOLVERS

SEEDS = range(20261123, 20261127)
SETS = 25_000 if os.environ.get("ALERTPROF_EXAMPLES") else 4_000  # so many of each seed; `make fuzz` sets it
NETWORK, NAMED = ip_network("10.1.0.0/16"), re.compile(r"order-[a-z0-9._-]+\.prod\.example\.com")
REQUEST = re.compile(
    rb"[1-9][0-9]{0,8} ((see|look|scene|ports) [1-9][0-9]{0,6}|list|own|pods|names|listen [1-9][0-9]{0,4})\n"
)
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}-[0-9]+-cpu-[0-9TZ]+\.pprof")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx"

HOSTS = ["10.1.2.3", "10.1.255.254", "order-7.prod.example.com", "ORDER-7.prod.example.com", "[10.1.2.3]", "10.1.0.9"]
STRANGERS = [
    "127.0.0.1", "localhost", "[::1]", "::1", "0.0.0.0", "169.254.169.254", "10.2.0.1", "evil.example", "0x0a010203",
    "167838211", "10.1.2.3.evil.example", "order-.prod.example.com.evil.example", "::ffff:10.1.2.3", "10.01.2.3",
    "10.1.2.3@evil.example", "evil.example@10.1.2.3", "user@10.1.2.3", "-oProxyCommand=id", "10.1.2.3 -p 1",
    "10.1.2.3/", "10.1.2.3%eth0", "１０.1.2.3", "10。1。2。3", "order-x.prod.example.com\nevil", "*", "10.1.*",
    "[10.1.2.3]:22:23",
]  # fmt: skip
NUMBERS = [
    "7", "21181", "4194304", "0", "1", "-1", "--1", "+7", "07", "7.0", "1e3", " 7", "7 ", "7\n", "7\n8", "７", "٧",
    "0x7", "9999999", "10000000", "99999999999999999999", "7;id", "$(id)", "`id`", "7 8", "-9 -1", "7\x00", "", "65535",
    "65536",
]  # fmt: skip
WORDS = [
    "order-mq", "/srv/order-mq", "order-mq; rm -rf /", "$(reboot)", "`id`", "| sh", "a\nb", "a\r\nX: y", "\x1b[31m",
    "\u202eevil", "../../etc/passwd", "/etc/passwd\x00.pprof", "--help", "-rf", "' OR 1=1 --", '"', "'", "\\", "*", "~",
    "${IFS}", "%0a", "<script>", "x" * 5000, "\ud7ff", "\U0001f525", "{{7*7}}", "%s%n", "", ".", "..", "COM1", "\u2028",
]  # fmt: skip


# the script, and on its last line the requests that travel with it
FIRST = re.compile(
    re.escape(GUARD.encode()) + rb"echo; echo ([0-9a-f]{32})\n" + re.escape(SCRIPT.rstrip()) + rb"((?: '[^']*')*)\n"
)


@dataclass
class Seen:
    """Everything that would have left this machine."""

    dialled: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    scripts: Counter[bool] = field(default_factory=Counter)
    requests: Counter[bytes] = field(default_factory=Counter)


class Wire:
    """Answers as a host with one process would."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.waiting, self.greeted = seen, b"", False

    def send(self, data: bytes, timeout: float) -> None:
        if not self.greeted:
            self.greeted = True
            first = FIRST.fullmatch(data)
            self.seen.scripts[bool(first)] += 1
            self.waiting = b"Welcome\n" + (first[1] if first else b"") + b"\nready 1 boot dash\n"
            for request in re.findall(rb"'([^']*)'", first[2]) if first else ():
                self._ask(request + b"\n")
            return
        self._ask(data)

    def _ask(self, data: bytes) -> None:
        self.seen.requests[re.sub(rb"^[1-9][0-9]{0,8} ", b"1 ", data)] += 1
        verb = data.split()[1] if len(data.split()) > 1 else b""
        facts = b"" if verb == b"look" else b"process 21181 5 1:1 1 9 order-mq\nexe 21181 /srv/order-mq\n"
        self.waiting += facts + b"." + data.split(b" ")[0] + (b" gone\n" if verb == b"look" else b" ok\n")

    def recv(self, size: int, timeout: float) -> bytes:
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data

    def close(self) -> None:
        """Nothing to close."""


class Line:
    alive = True

    def __init__(self, route: Route, seen: Seen) -> None:
        self.host, self.user, self.options, self.seen = route.host, route.user, route.options, seen

    def open(self, command: str, *, timeout: float | None = None) -> Wire:
        self.seen.commands[command] += 1
        return Wire(self.seen)

    def close(self) -> None:
        """Nothing to close."""


class Recorder(Connector):
    def __init__(self, settings: HostsSettings) -> None:
        super().__init__(settings)
        self.seen = Seen()

    def _log_in(self, route: Route, end: float) -> Any:
        self.seen.dialled[route.host, route.address, route.port] += 1
        assert route.jump is None
        return Line(route, self.seen)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    (known := tmp_path / "known_hosts").write_text(f"10.1.*,order-*.prod.example.com {KEY}\n")
    (config := tmp_path / "ssh_config").touch()
    ssh = SshOptions(user="profiler", port=22, known_hosts_files=(known,))
    return Recorder(HostsSettings(ssh=ssh, allowed=("10.1.0.0/16", "order-*.prod.example.com"), ssh_config_file=config))


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up or a connection would be an error of its own, whatever is recorded."""

    def refuse(*args: object, **_: object) -> None:
        raise AssertionError(f"a label left this machine: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def label_sets(seed: int, count: int) -> Iterator[dict[str, str]]:
    pick = random.Random(seed)  # noqa: S311

    odd = ["".join(chr(pick.randrange(pick.choice((128, 0xD7FF)))) for _ in range(n % 9)) for n in range(9000)]

    def noise() -> str:
        return pick.choice(odd)

    def mixed(good: list[str], bad: list[str]) -> str:
        one, other = pick.choice(good), pick.choice((*bad, noise()))
        return pick.choice((one, one, other, one + other, other + one, one[:2] + other + one[2:]))

    def of_others(word: str, number: str) -> dict[str, str]:
        """As cAdvisor, kube-state-metrics and systemd_exporter have them."""
        id_ = mixed(["a" * 64, "b" * 12], WORDS)
        return pick.choice((
            {"name": f"{word}.service"}, {"unit": f"{word}@{number}.service"}, {"id": f"/docker/{id_}"}, {"id": word},
            {"container_id": f"docker://{id_}"}, {"name": word, "image": word}, {f"container_label_{word}": word},
            {"namespace": word, "pod": word, "container": word, "uid": word}, {"exported_pod": word, "uid": id_},
        ))  # fmt: skip

    for _ in range(count):
        host, number, word = mixed(HOSTS, STRANGERS), mixed(NUMBERS[:3], NUMBERS), mixed(WORDS[:2], WORDS)
        labels = {"alertname": word, "job": mixed(WORDS[:2], WORDS), pick.choice((noise(), "service")): noise() or "x"}
        labels |= pick.choice(({"host": host}, {"instance": host}, {"instance": f"{host}:{number}"}, {}))
        labels |= pick.choice(({"pid": number}, {"process": word}, {"groupname": word}, {}, of_others(word, number)))
        labels |= pick.choice(({}, {}, {}, {"node": mixed(HOSTS, STRANGERS)}))
        yield labels


def ask(labels: dict[str, str], pool: HostPool) -> Candidates | None:
    for resolver in RESOLVERS:
        if found := resolver.find(labels, pool.gate):
            assert isinstance(found, Candidates)
            assert found.how.isprintable()
            return found
    return None


def named(labels: dict[str, str]) -> str:
    """What the file of such a capture would be called."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    service = labels.get("service") or labels.get("job") or ""
    return artifact_name(Capture("id", now, Trigger("alert", labels), target=Target("h", 7, service)), Kind.CPU)


@pytest.mark.parametrize("seed", SEEDS)
def test_thousands_of_label_sets_make_no_command_outside_the_grammar_and_no_connection_outside_the_allowed_hosts(
    recorder: Recorder, seed: int
) -> None:
    pool, outcomes = HostPool(recorder), Counter[Any]()
    for labels in label_sets(seed, SETS):
        try:
            found = ask(labels, pool)
            outcomes["found" if found else "nothing"] += 1
            if found and labels.get("pid"):
                pool.gate(found.host).look(int(labels["pid"]))
        except AlertprofError as fault:
            outcomes[fault.reason.code] += 1
            assert fault.reason.message.isprintable()
            assert len(fault.reason.message) < 1000
        assert FILE_NAME.fullmatch(named(labels))

    seen = recorder.seen
    assert set(seen.commands) == {SENT_COMMAND}
    assert set(seen.scripts) == {True}
    assert [request for request in seen.requests if not REQUEST.fullmatch(request)] == []
    for host, address, port in seen.dialled:
        assert (host, port) == (address, 22)
        assert NAMED.fullmatch(host) or ip_address(host) in NETWORK
    assert set(pool._sessions) == {host for host, _, _ in seen.dialled}, "a refused name leaves nothing behind"
    assert set(seen.dialled.values()) == {1}, "one connection a host, however its name is spelled"
    # and the sets are such that all this was put to the test
    assert outcomes["found"] > SETS // 20
    assert outcomes[Code.HOST_NOT_ALLOWED] > SETS // 20
    assert outcomes[Code.PROCESS_NOT_FOUND] > SETS // 50
    assert len(seen.requests) > 20


@pytest.mark.parametrize("number", [n for n in NUMBERS if not re.fullmatch("[1-9][0-9]{0,6}", n, re.ASCII) or n == "1"])
def test_no_other_spelling_of_a_number_is_a_pid(recorder: Recorder, number: str) -> None:
    try:
        assert ask({"host": "10.1.2.3", "pid": number}, HostPool(recorder)) is None
    except AlertprofError as fault:
        assert fault.reason.code is Code.PROCESS_NOT_FOUND
    assert not recorder.seen.requests


@pytest.mark.parametrize("host", STRANGERS)
def test_a_stranger_is_refused_before_anything_is_sent(recorder: Recorder, host: str) -> None:
    with pytest.raises(AlertprofError) as caught:
        HostPool(recorder).gate(host)
    assert caught.value.reason.code in (Code.HOST_NOT_ALLOWED, Code.HOST_UNKNOWN)
    assert not recorder.seen.dialled
