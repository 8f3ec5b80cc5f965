"""The shape of the configuration file: every key there is, as pydantic models. settings.py makes settings of it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from app.config.notifiers import NamedNotifier, NotifyEntry
from app.config.object_store import ObjectStore, bucket, valid_place
from app.config.plugin_options import KindSchema, plugin_maker, profiler_kinds, resolver_kinds
from app.config.scalars import (
    Count,
    Duration,
    File,
    Files,
    Pattern,
    Recording,
    Size,
    Text,
    Written,
    from_text,
    lower_case,
    parse_shell_timeout,
    valid_address,
    valid_database,
    valid_expression,
    valid_host_pattern,
    valid_interval,
    valid_jump,
    valid_relabel_regex,
    valid_rule_name,
    valid_secret_name,
    valid_web_address,
)
from app.evidence.asked import Asked, Log
from app.intake.relabel import MOST_MODULUS, REGEX, REPLACEMENT, SEPARATOR, Action, Relabel
from app.intake.rules import Matcher, parse_matchers
from app.ledger.address import has_password, parsed
from app.profilers.auto import Auto


class Block(BaseModel):
    """A map of the file. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class Ssh(Block):
    user: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: Files = []
    known_hosts_file: Files = []
    become: Literal["none", "sudo"] | None = None
    jump_host: Annotated[str, AfterValidator(valid_jump)] | None = None
    gate: Literal["sent", "installed"] | None = None
    shell_timeout: Annotated[timedelta, from_text(parse_shell_timeout)] | None = None


class Host(Ssh):
    match: Annotated[str, AfterValidator(valid_host_pattern)]
    address: Annotated[str, AfterValidator(valid_address)] | None = None


class Retention(Block):
    max_age: Duration | None = None
    max_bytes: Size | None = None
    max_per_service: Count | None = None


class Storage(Block):
    database: Annotated[str, AfterValidator(valid_database)] | None = None
    database_password_file: File | None = None
    artifacts: Annotated[str, AfterValidator(valid_place)] | None = None
    object_store: ObjectStore = ObjectStore()
    retention: Retention | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if self.artifacts and "://" in self.artifacts:
            bucket(self.artifacts, self.object_store, Path())
        elif self.object_store.said():
            raise ValueError("object_store is for s3://, gs:// or az:// in artifacts; write one, or leave it out")
        return self

    @model_validator(mode="after")
    def _with_one_password(self) -> Self:
        if self.database_password_file and not (self.database or "").startswith("postgresql"):
            raise ValueError("database_password_file is for PostgreSQL; name it in database, or leave the file out")
        if self.database_password_file and has_password(parsed(self.database or "")):
            raise ValueError("the password is in database and in database_password_file; take it out of database")
        return self


class Auth(Block):
    webhook_token_file: File | None = None
    operator_token_file: File | None = None
    viewer_token_file: File | None = None
    metrics_token_file: File | None = None
    link_key_file: File | None = None


class Limits(Block):
    cooldown: Duration = timedelta(minutes=10)
    per_host: Count = 1
    per_service: Count = 1
    at_once: Count = 64
    per_hour: Count = 200
    hold: Duration = timedelta(hours=1)


class Alertmanager(Block):
    url: Annotated[str, AfterValidator(valid_web_address)] | None = None


class Prometheus(Block):
    url: Annotated[str, AfterValidator(valid_web_address)] | None = None
    external_labels: list[Written] = []


class Redact(Block):
    names: list[Annotated[str, AfterValidator(valid_secret_name)]] = []
    patterns: list[Annotated[str, AfterValidator(valid_expression)]] = []


class Only(Block):
    exe: Pattern = None
    cmdline: Pattern = None


class EvidenceLog(Block):
    file: Text = ""
    unit: Text = ""

    @model_validator(mode="after")
    def is_a_log(self) -> Self:
        """Raises ValueError for what is none."""
        self.log()
        return self

    def log(self) -> Log:
        """The checked entry. Raises ValueError."""
        return Log(self.file, self.unit)


class Evidence(Block):
    logs: list[EvidenceLog] = []
    environment: list[str] = []

    @model_validator(mode="after")
    def can_be_asked_for(self) -> Self:
        """Raises ValueError for more than there may be."""
        self.asked()
        return self

    def asked(self) -> Asked:
        """The checked section. Raises ValueError."""
        return Asked(tuple(log.log() for log in self.logs), tuple(self.environment))


class RelabelConfig(Block):
    action: Annotated[Action, BeforeValidator(lower_case)] = "replace"
    source_labels: list[Written] = []
    separator: Written = SEPARATOR
    regex: Annotated[Written, AfterValidator(valid_relabel_regex)] = REGEX
    modulus: Annotated[int, Field(ge=0, le=MOST_MODULUS)] = 0
    target_label: Written = ""
    replacement: Written = REPLACEMENT

    @model_validator(mode="after")
    def suits_its_action(self) -> Self:
        """Raises ValueError for keys that the action lacks or does not take."""
        self.relabel()
        return self

    def relabel(self) -> Relabel:
        """The checked entry. Raises RelabelError."""
        return Relabel(**self.model_dump() | {"source_labels": tuple(self.source_labels)})


class Baseline(Block):
    every: Annotated[Duration, AfterValidator(valid_interval)]


class Rule(Block):
    name: Annotated[str, AfterValidator(valid_rule_name)]
    matchers: list[Annotated[tuple[Matcher, ...], from_text(parse_matchers)]] = []
    relabel_configs: list[RelabelConfig] = []
    resolvers: list[
        Annotated[Any, PlainValidator(plugin_maker("resolver", resolver_kinds)), KindSchema(resolver_kinds)]
    ] = []
    only: Only = Only()
    take: Literal["newest", "oldest", "cpu", "memory", "all"] | None = None
    profiler: Annotated[Any, PlainValidator(plugin_maker("profiler", profiler_kinds)), KindSchema(profiler_kinds)] = (
        Auto()
    )
    evidence: Evidence = Evidence()
    duration: Recording = timedelta(seconds=30)
    cooldown: Duration | None = None
    prearm: bool = False
    notify: list[NotifyEntry] | None = None
    baseline: Baseline | None = None


class Whole(Block):
    """The whole file."""

    ssh: Ssh = Ssh()
    hosts: list[Host] = []
    allowed_hosts: list[Annotated[str, AfterValidator(valid_host_pattern)]] | None = None
    storage: Storage = Storage()
    auth: Auth = Auth()
    limits: Limits = Limits()
    alertmanager: Alertmanager = Alertmanager()
    prometheus: Prometheus = Prometheus()
    redact: Redact = Redact()
    notifiers: list[NamedNotifier] = []
    notify: list[NotifyEntry] = []
    rules: list[Rule] = []
