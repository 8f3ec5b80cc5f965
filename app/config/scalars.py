"""The scalar values of the configuration file: texts that are checked, and what they become.

Every function raises ValueError with a sentence that says what would be right; settings.py adds the place in the file.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo
from sqlalchemy.exc import ArgumentError

from app import redaction
from app.hosts.names import GRAMMAR
from app.hosts.route import JUMP
from app.intake.re2 import Pattern as Expression
from app.intake.re2 import captured, compiled
from app.ledger.address import parsed
from app.web import durations

SHORTEST_INTERVAL = timedelta(minutes=10)
BYTES = {"": 0, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def from_text(parse: Callable[[str], Any], written: Any = str) -> PlainValidator:
    """A validator for a scalar. A number goes to `parse` as a text, so that its error can say that the unit is
    missing. written: the type of what is right, for the JSON Schema."""

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("write a text here, in quotes if need be")
        return parse(str(value))

    return PlainValidator(read, json_schema_input_type=written)


def parse_size(text: str) -> int:
    """Bytes: `20GiB`, `512kB`."""
    match = re.fullmatch(r"([0-9]{1,15})\s*([A-Za-z]*)", text)
    if match is None or match[2] not in BYTES:
        raise ValueError(f"{text!r} is no size; write a whole number with kB, MB, GB, KiB, MiB, GiB or TiB, as 20GiB")
    if not match[2]:
        raise ValueError(f"{text!r} has no unit; write {text}GiB, {text}MiB or {text}B")
    return int(match[1]) * BYTES[match[2]]


def parse_path(value: Any, info: ValidationInfo) -> Path:
    """A file's path; a relative one starts at the configuration file, as in Prometheus."""
    if not isinstance(value, str) or not value:
        raise ValueError("write the path of a file here")
    return Path((info.context or {})["folder"], Path(value).expanduser())


def one_or_many(value: Any) -> Any:
    """A list; a single text becomes a list of one."""
    return [value] if isinstance(value, str) else value


def valid_jump(text: str) -> str:
    """Jump hosts as ProxyJump has them, or "none"."""
    if text != "none" and not all(JUMP.fullmatch(each) for each in text.split(",")):
        raise ValueError(f"{text!r} is no jump host; write host, user@host or user@host:port")
    return text


def valid_address(text: str) -> str:
    """A host name or an address, without a port."""
    if not GRAMMAR.fullmatch(text.removeprefix("[").removesuffix("]")):
        raise ValueError(f"{text!r} is no address and no host name; write it without a port")
    return text


def valid_host_pattern(text: str) -> str:
    """A name with *, an address or a network."""
    if "/" in text:
        try:
            ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError(f"{text!r} is no network ({error}); write one as 10.0.0.0/8") from None
    elif not re.fullmatch(r"[A-Za-z0-9._:*?\[\]!-]+", text):
        raise ValueError(f"{text!r} fits no host; write a name with *, an address or a network as 10.0.0.0/8")
    return text


def valid_database(text: str) -> str:
    """An SQLAlchemy address of SQLite or PostgreSQL."""
    if re.fullmatch(r"sqlite:///.+", text):
        return text
    if not text.startswith("postgresql+psycopg://"):
        raise ValueError("write sqlite:///path/to/alertprof.db or postgresql+psycopg://user@host/database")
    if find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs a driver that is not installed here: pip install 'alertprof[postgres]'")
    try:
        parsed(text)
    except ArgumentError as fault:
        raise ValueError(str(fault)) from fault
    return text


def valid_web_address(text: str) -> str:
    """The address of an HTTP API, without a query."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no address; write it as http://alertmanager:9093")
    return text


def parse_shell_timeout(text: str) -> timedelta:
    """From 1s to 5m."""
    length = durations.parse(text)
    if not timedelta(seconds=1) <= length <= timedelta(minutes=5):
        raise ValueError(f"{text!r} is no time to wait for a shell; choose between 1s and 5m")
    return length


def parse_pattern(text: str) -> Expression | None:
    """An RE2 pattern for fullmatch; None for an empty text."""
    return compiled(text) if text else None


def number_as_text(value: Any) -> Any:
    """A number as a text. Texts of relabelling are often numbers, such as ports, which Prometheus takes without
    quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def lower_case(value: Any) -> Any:
    """A text in lower case; any other value as it is."""
    return value.lower() if isinstance(value, str) else value


def valid_relabel_regex(text: str) -> str:
    """A regex of relabel_configs."""
    captured(text)
    return text


def valid_secret_name(text: str) -> str:
    """The name of a flag, variable, key or header whose value is secret."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{2,64}", text):
        raise ValueError(f"{text!r} is no name; write letters, digits, dots, hyphens and underscores, as session_id")
    return text


def valid_expression(text: str) -> str:
    """An expression of RE2 for what is secret."""
    if redaction.expression(text).search("") is not None:
        raise ValueError(f"{text!r} matches nothing at all as well; say what a secret has at least")
    return text


def valid_rule_name(text: str) -> str:
    """The name of a rule: 1 to 200 printable characters, and not "manual"."""
    if not text or not text.isprintable() or len(text) > 200:
        raise ValueError("write a name of 1 to 200 printable characters")
    if text == "manual":
        raise ValueError("'manual' is what captures are called that people ask for; choose another name")
    return text


def valid_interval(length: timedelta) -> timedelta:
    """Between two calm captures of a service."""
    if length < SHORTEST_INTERVAL:
        raise ValueError(f"each one is a recording; write {durations.say(SHORTEST_INTERVAL)} or more, as 24h")
    return length


Duration = Annotated[timedelta, from_text(durations.parse, str | Literal[0])]
Recording = Annotated[timedelta, from_text(durations.recording)]
Size = Annotated[int, from_text(parse_size)]
File = Annotated[Path, PlainValidator(parse_path, json_schema_input_type=str)]
Files = Annotated[list[File], BeforeValidator(one_or_many, json_schema_input_type=str | list[str])]
Pattern = Annotated[Any, from_text(parse_pattern)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Written = Annotated[str, BeforeValidator(number_as_text, json_schema_input_type=str | int)]
