"""The shape of the configuration file: every key there is, as pydantic models. config/settings.py makes settings of it.

Validators raise ValueError with a sentence that says what would be right; config/settings.py adds the place.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from dataclasses import Field as Option
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_type_hints
from urllib.parse import urlsplit

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
    model_validator,
)

from app.hosts.names import GRAMMAR
from app.hosts.route import JUMP
from app.intake.re2 import captured, compiled
from app.intake.relabel import MOST_MODULUS, REGEX, REPLACEMENT, SEPARATOR, Action, Relabel
from app.intake.rules import Matcher, parse_matchers
from app.plugins import kinds
from app.profilers.auto import Auto
from app.profilers.base import ProfilerSpec
from app.resolvers.base import Resolver
from app.web import durations

BYTES = {"": 0, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


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
    if text != "none" and not all(JUMP.fullmatch(each) for each in text.split(",")):
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


def a_web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no address; write it as http://alertmanager:9093")
    return text


def a_folder(text: str) -> str:
    if "://" in text:
        raise ValueError("this version keeps artifacts in a local directory only; write its path")
    if not text:
        raise ValueError("is empty; write the path of a directory")
    return text


def a_shell_timeout(text: str) -> timedelta:
    length = durations.parse(text)
    if not timedelta(seconds=1) <= length <= timedelta(minutes=5):
        raise ValueError(f"{text!r} is no time to wait for a shell; choose between 1s and 5m")
    return length


def a_pattern(text: str) -> re.Pattern[str] | None:
    return compiled(text) if text else None


def as_written(value: Any) -> Any:
    """Relabelling's texts are often numbers, such as ports; Prometheus takes them without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def in_small_letters(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def a_relabel_regex(text: str) -> str:
    captured(text)
    return text


def a_plugin(what: str, room: Callable[[], Mapping[str, type[Any]]]) -> Callable[[Any, ValidationInfo], Any]:
    """A validator for `kind` or `{kind: …, option: …}`: makes the plug-in."""

    def make(value: Any, info: ValidationInfo) -> Any:
        there = room()
        options = {"kind": value} if isinstance(value, str) else value
        if not isinstance(options, dict) or not isinstance(options.get("kind"), str):
            raise ValueError(f"write the kind of a {what}, or a map with kind and its options")
        options = dict(options)
        kind = options.pop("kind")
        if kind not in there:
            raise ValueError(f"there is no {what} {kind!r}; there are {', '.join(sorted(there))}")
        return with_options(there[kind], kind, options, info)

    return make


def resolver_kinds() -> Mapping[str, type[Resolver]]:
    return kinds("app.resolvers", Resolver)


def profiler_kinds() -> Mapping[str, type[ProfilerSpec]]:
    return kinds("app.profilers", ProfilerSpec)


def a_rule_name(text: str) -> str:
    if not text or not text.isprintable() or len(text) > 200:
        raise ValueError("write a name of 1 to 200 printable characters")
    if text == "manual":
        raise ValueError("'manual' is what captures are called that people ask for; choose another name")
    return text


def with_options(cls: type[Any], kind: str, options: dict[str, Any], info: ValidationInfo) -> Any:
    """The plug-in with these options: its dataclass's fields, checked by their types. Raises ValueError."""
    known, hints = {f.name: f for f in fields(cls) if f.init}, get_type_hints(cls)
    if strange := sorted(set(options) - set(known)):
        has = ", ".join(known) or "no options"
        raise ValueError(f"{kind} has no option {strange[0]!r}; it has {has}")
    if missing := [n for n, f in known.items() if f.default is f.default_factory is MISSING and n not in options]:
        raise ValueError(f"{kind} needs the option {missing[0]!r}")
    return cls(**{name: an_option(kind, known[name], hints[name], value, info) for name, value in options.items()})


def an_option(kind: str, option: Option[Any], hint: Any, value: Any, info: ValidationInfo) -> Any:
    """`metadata` of a field says what its type cannot: `plugins`, a list of these; `path`, as a_path takes it."""
    name = option.name
    if "plugins" in option.metadata:
        one = a_plugin(option.metadata["plugins"], profiler_kinds)
        return tuple(one(each, info) for each in a_list(kind, name, value))
    if "path" in option.metadata:
        several = hint is not str
        paths = [str(a_path(each, info)) for each in (a_list(kind, name, value) if several else [value])]
        return tuple(paths) if several else paths[0]
    if hint is timedelta:
        return durations.parse(str(value))
    try:
        return TypeAdapter(hint).validate_python(tuple(value) if isinstance(value, list) else value, strict=True)
    except ValidationError as error:
        raise ValueError(f"{kind}: {name}: {error.errors()[0]['msg']}") from None


def a_list(kind: str, name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{kind}: {name}: a list is expected here")
    return value


Duration = Annotated[timedelta, from_text(durations.parse)]
Recording = Annotated[timedelta, from_text(durations.recording)]
Size = Annotated[int, from_text(a_size)]
File = Annotated[Path, PlainValidator(a_path)]
Files = Annotated[list[File], BeforeValidator(one_or_many)]
Pattern = Annotated[Any, from_text(a_pattern)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Written = Annotated[str, BeforeValidator(as_written)]


class Ssh(Block):
    user: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: Files = []
    known_hosts_file: Files = []
    become: Literal["none", "sudo"] | None = None
    jump_host: Annotated[str, AfterValidator(a_jump)] | None = None
    gate: Literal["sent", "installed"] | None = None
    shell_timeout: Annotated[timedelta, from_text(a_shell_timeout)] | None = None


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
    hold: Duration = timedelta(hours=1)


class Alertmanager(Block):
    url: Annotated[str, AfterValidator(a_web_address)] | None = None


class Only(Block):
    exe: Pattern = None
    cmdline: Pattern = None


class RelabelConfig(Block):
    action: Annotated[Action, BeforeValidator(in_small_letters)] = "replace"
    source_labels: list[Written] = []
    separator: Written = SEPARATOR
    regex: Annotated[Written, AfterValidator(a_relabel_regex)] = REGEX
    modulus: Annotated[int, Field(ge=0, le=MOST_MODULUS)] = 0
    target_label: Written = ""
    replacement: Written = REPLACEMENT

    @model_validator(mode="after")
    def fits(self) -> Self:
        """The keys suit the action."""
        self.relabel()
        return self

    def relabel(self) -> Relabel:
        return Relabel(**self.model_dump() | {"source_labels": tuple(self.source_labels)})


class Rule(Block):
    name: Annotated[str, AfterValidator(a_rule_name)]
    matchers: list[Annotated[tuple[Matcher, ...], from_text(parse_matchers)]] = []
    relabel_configs: list[RelabelConfig] = []
    resolvers: list[Annotated[Any, PlainValidator(a_plugin("resolver", resolver_kinds))]] = []
    only: Only = Only()
    take: Literal["newest", "oldest", "cpu", "memory", "all"] | None = None
    profiler: Annotated[Any, PlainValidator(a_plugin("profiler", profiler_kinds))] = Auto()
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
    alertmanager: Alertmanager = Alertmanager()
    rules: list[Rule] = []
