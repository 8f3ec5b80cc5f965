"""The shape of the configuration file: every key there is, as pydantic models. config.py makes settings of it.

Validators raise ValueError with a sentence that says what would be right; config.py adds the place.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from app.hosts.names import GRAMMAR
from app.hosts.route import JUMP
from app.intake.re2 import compiled
from app.intake.rules import Matcher, parse_matchers
from app.plugins import kinds
from app.profilers.base import Profiler
from app.resolvers.base import Resolver
from app.web import durations

BYTES = {"": 0, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

NO_RELABELLING = "this version does not relabel; leave the list empty, and have Prometheus relabel the alert"


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


def from_text(parse: Callable[[str], Any]) -> PlainValidator:
    """A validator for a scalar; what YAML took for a number goes to `parse` as it was written, to be told its unit."""

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("write a text here, in quotes if need be")
        return parse(str(value))

    return PlainValidator(read)


def a_size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15})\s*([A-Za-z]*)", text)
    if match is None or match[2] not in BYTES:
        raise ValueError(f"{text!r} is no size; write a whole number with kB, MB, GB, KiB, MiB, GiB or TiB, as 20GiB")
    if not match[2]:
        raise ValueError(f"{text!r} has no unit; write {text}GiB, {text}MiB or {text}B")
    return int(match[1]) * BYTES[match[2]]


def a_path(value: Any, info: ValidationInfo) -> Path:
    """A file's path; a relative one starts at the configuration file, as in Prometheus."""
    if not isinstance(value, str) or not value:
        raise ValueError("write the path of a file here")
    return Path((info.context or {})["folder"], Path(value).expanduser())


def one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def a_jump(text: str) -> str:
    if text != "none" and not JUMP.fullmatch(text):
        raise ValueError(f"{text!r} is no jump host; write host, user@host or user@host:port")
    return text


def an_address(text: str) -> str:
    if not GRAMMAR.fullmatch(text.removeprefix("[").removesuffix("]")):
        raise ValueError(f"{text!r} is no address and no host name; write it without a port")
    return text


def a_host_pattern(text: str) -> str:
    """A name with *, an address or a network."""
    if "/" in text:
        try:
            ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError(f"{text!r} is no network ({error}); write one as 10.0.0.0/8") from None
    elif not re.fullmatch(r"[A-Za-z0-9._:*?\[\]!-]+", text):
        raise ValueError(f"{text!r} fits no host; write a name with *, an address or a network as 10.0.0.0/8")
    return text


def a_database(text: str) -> str:
    if re.fullmatch(r"sqlite:///.+", text):
        return text
    if not text.startswith("postgresql+psycopg://"):
        raise ValueError("write sqlite:///path/to/alertprof.db or postgresql+psycopg://user@host/database")
    if find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs a driver that is not installed here: pip install 'alertprof[postgres]'")
    return text


def a_folder(text: str) -> str:
    if "://" in text:
        raise ValueError("this version keeps artifacts in a local directory only; write its path")
    if not text:
        raise ValueError("is empty; write the path of a directory")
    return text


def not_yet(what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value:
            raise ValueError(what)
        return value

    return check


def a_pattern(text: str) -> re.Pattern[str] | None:
    return compiled(text) if text else None


def a_plugin(what: str, room: Callable[[], Mapping[str, type[Any]]]) -> Callable[[Any], Any]:
    """A validator for `kind` or `{kind: …, option: …}`: makes the plug-in."""

    def make(value: Any) -> Any:
        there = room()
        options = {"kind": value} if isinstance(value, str) else value
        if not isinstance(options, dict) or not isinstance(options.get("kind"), str):
            raise ValueError(f"write the kind of a {what}, or a map with kind and its options")
        options = dict(options)
        kind = options.pop("kind")
        if kind not in there:
            raise ValueError(f"this version has no {what} {kind!r}; there are {', '.join(sorted(there))}")
        return with_options(there[kind], kind, options)

    return make


def resolver_kinds() -> Mapping[str, type[Resolver]]:
    return kinds("app.resolvers", Resolver)


def a_profiler(value: Any) -> str:
    """A kind. Raises ValueError for options, which no rule can carry yet."""
    if isinstance(value, dict) and set(value) != {"kind"}:
        raise ValueError("this version's profilers have no options; write the kind alone")
    kind = value["kind"] if isinstance(value, dict) else value
    there = sorted(kinds("app.profilers", Profiler))
    if kind != "auto" and kind not in there:
        raise ValueError(f"this version has no profiler {kind!r}; there are auto, {', '.join(there)}")
    return str(kind)


def a_rule_name(text: str) -> str:
    if not text or not text.isprintable() or len(text) > 200:
        raise ValueError("write a name of 1 to 200 printable characters")
    if text == "manual":
        raise ValueError("'manual' is what captures are called that people ask for; choose another name")
    return text


def with_options(cls: type[Any], kind: str, options: dict[str, Any]) -> Any:
    """The plug-in with these options: its dataclass's fields, checked by their types. Raises ValueError."""
    known, hints = {f.name: f for f in fields(cls) if f.init}, get_type_hints(cls)
    if strange := sorted(set(options) - set(known)):
        has = ", ".join(known) or "no options"
        raise ValueError(f"{kind} has no option {strange[0]!r}; it has {has}")
    if missing := [n for n, f in known.items() if f.default is f.default_factory is MISSING and n not in options]:
        raise ValueError(f"{kind} needs the option {missing[0]!r}")
    return cls(**{name: an_option(kind, name, hints[name], value) for name, value in options.items()})


def an_option(kind: str, name: str, hint: Any, value: Any) -> Any:
    if hint is timedelta:
        return durations.parse(str(value))
    try:
        return TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"{kind}: {name}: {error.errors()[0]['msg']}") from None


Duration = Annotated[timedelta, from_text(durations.parse)]
Recording = Annotated[timedelta, from_text(durations.recording)]
Size = Annotated[int, from_text(a_size)]
File = Annotated[Path, PlainValidator(a_path)]
Files = Annotated[list[File], BeforeValidator(one_or_many)]
Pattern = Annotated[Any, from_text(a_pattern)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


class Ssh(Block):
    user: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: Files = []
    known_hosts_file: Files = []
    become: Literal["none", "sudo"] | None = None
    jump_host: Annotated[str, AfterValidator(a_jump)] | None = None
    gate: Literal["sent", "installed"] | None = None


class Host(Ssh):
    match: Annotated[str, AfterValidator(a_host_pattern)]
    address: Annotated[str, AfterValidator(an_address)] | None = None


class Retention(Block):
    max_age: Duration | None = None
    max_bytes: Size | None = None
    max_per_service: Count | None = None


class Storage(Block):
    database: Annotated[str, AfterValidator(a_database)] | None = None
    artifacts: Annotated[str, AfterValidator(a_folder)] | None = None
    retention: Retention | None = None


class Auth(Block):
    webhook_token_file: File | None = None
    operator_token_file: File | None = None


class Limits(Block):
    cooldown: Duration = timedelta(minutes=10)
    per_host: Count = 1
    per_service: Count = 1
    at_once: Count = 64
    per_hour: Count = 200


class Only(Block):
    exe: Pattern = None
    cmdline: Pattern = None


class Rule(Block):
    name: Annotated[str, AfterValidator(a_rule_name)]
    matchers: list[Annotated[tuple[Matcher, ...], from_text(parse_matchers)]] = []
    relabel_configs: Annotated[list[Any], AfterValidator(not_yet(NO_RELABELLING))] = []
    resolvers: list[Annotated[Any, PlainValidator(a_plugin("resolver", resolver_kinds))]] = []
    only: Only = Only()
    profiler: Annotated[str, PlainValidator(a_profiler)] = "auto"
    duration: Recording = timedelta(seconds=30)
    cooldown: Duration | None = None


class Whole(Block):
    """The whole file."""

    ssh: Ssh = Ssh()
    hosts: list[Host] = []
    allowed_hosts: list[Annotated[str, AfterValidator(a_host_pattern)]] | None = None
    storage: Storage = Storage()
    auth: Auth = Auth()
    limits: Limits = Limits()
    rules: list[Rule] = []
