"""One YAML file becomes frozen settings. Every fault is reported, with its place.

Called by the command line. file.py has the keys, yaml_marks.py the places. This is the only reader of configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.captures.retention import Policy
from app.config import file as shape
from app.config import notifiers
from app.config.digests import with_digests
from app.config.fault_sentences import to_fault
from app.config.object_store import bucket
from app.config.references import repeated_names, unasked_prometheus
from app.config.yaml_marks import Fault, Marked, read
from app.gate.recipes import Recipe
from app.hosts.settings import HostOverride, HostsSettings, SshOptions
from app.intake.rules import DEFAULT, Recipient, Rule
from app.ledger.address import with_password_file
from app.ledger.ledger import Bounds
from app.notifiers.base import Notifier
from app.plugins import kind_of
from app.redaction import BUILT_IN, Redaction
from app.stores import Bucket
from app.web.auth.links import SignedLinks
from app.web.auth.tokens import Tokens

DEFAULT_STORAGE = Path("data")

Root = TypeVar("Root", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """database: an SQLAlchemy address; artifacts: a directory or a bucket; retention: by default all is kept."""

    database: str
    artifacts: Path | Bucket
    retention: Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a file says.

    rules: never empty; without rules there is the one that matches every alert. warnings: for the start of the
    service, as config/places.py found them. text: of the file.
    """

    hosts: HostsSettings
    rules: tuple[Rule, ...]
    storage: StorageSettings
    limits: Bounds
    auth: Tokens
    warnings: tuple[str, ...] = ()
    redaction: Redaction = BUILT_IN
    alertmanager: str | None = None  # the address of its API, for alerts that a message left out
    prometheus: str | None = None  # the address of its API, for pending alerts and the graphs of alerts
    text: str = field(default="", compare=False)
    external_labels: frozenset[str] = frozenset()  # the names of the labels that it adds to alerts when it sends them
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)  # by their names
    notify: tuple[Recipient, ...] = ()  # who is told where a rule does not say it

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """The parts of the rules that the gate's script has to contain."""
        parts = (part for rule in self.rules for part in (rule.spec, rule.asked) if part)
        return tuple(recipe for part in parts for recipe in part.recipes())


class BadConfig(Exception):
    """Every fault of the file, one per line: `F:line:column: where: what is wrong, and what would be right`."""

    def __init__(self, file: Path, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{file}:{fault}" for fault in faults))
        self.faults = tuple(faults)


def load(file: Path | None, storage: Path = DEFAULT_STORAGE) -> Settings:
    """The settings of this file; the defaults for None. storage: the directory for data that the file gives no place.
    Raises BadConfig."""
    return settings(shape.Whole(), storage) if file is None else parse(content(file), file, storage)


def content(file: Path) -> str:
    """The text of the file. Raises BadConfig for one that cannot be read or is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfig(file, [Fault(1, 1, "the file", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise BadConfig(file, [Fault(1, 1, "the file", f"is not UTF-8: {error.reason}")]) from error


def parse(text: str, file: Path, storage: Path = DEFAULT_STORAGE) -> Settings:
    """The settings in `text`. file: its name in faults, and where relative paths begin. Raises BadConfig."""
    marked = read(text)
    marked.faults += repeated_names(marked) + unasked_prometheus(marked) + notifiers.faults(marked)
    made = settings(checked(marked, file, shape.Whole), storage)
    return replace(made, rules=with_digests(made.rules, marked.data), text=text)


def checked(marked: Marked, file: Path, root: type[Root]) -> Root:
    """The validated file. Raises BadConfig with every fault once, in the order of the file."""
    faults, whole = list(marked.faults), None
    if marked.data is not None or not faults:
        said, context = {} if marked.data is None else marked.data, {"folder": file.absolute().parent}
        try:
            whole = root.model_validate(said, context=context)
        except ValidationError as error:
            faults += [to_fault(marked, fault, root) for fault in error.errors(include_url=False)]
    first_at: dict[tuple[int, int], Fault] = {}
    for fault in faults:
        first_at.setdefault((fault.line, fault.column), fault)
    if whole is None or first_at:
        raise BadConfig(file, sorted(first_at.values()))
    return whole


def sqlite_in(folder: Path) -> str:
    """The address of the database in a folder. SQLAlchemy decodes what stands in an address."""
    return f"sqlite:///{str(folder).replace('%', '%25').replace('?', '%3F')}/alertprof.db"


def settings(whole: shape.Whole, storage: Path) -> Settings:
    """The settings of a validated file. storage: as load."""
    cooldown = whole.limits.cooldown
    bounds = Bounds(**whole.limits.model_dump(exclude={"cooldown"}))
    return Settings(
        hosts=HostsSettings(
            ssh=options(whole.ssh),
            overrides=tuple(HostOverride(host.match, options(host)) for host in whole.hosts),
            allowed=None if whole.allowed_hosts is None else tuple(whole.allowed_hosts),
        ),
        rules=tuple(rule(one, cooldown) for one in whole.rules) or (replace(DEFAULT, cooldown=cooldown),),
        storage=StorageSettings(
            database(whole.storage) or sqlite_in(storage.absolute()),
            artifacts(whole.storage, storage.absolute()),
            Policy(**whole.storage.retention.model_dump()) if whole.storage.retention else Policy(),
        ),
        limits=bounds,
        redaction=Redaction(tuple(whole.redact.names), tuple(whole.redact.patterns)),
        alertmanager=whole.alertmanager.url,
        prometheus=whole.prometheus.url,
        notifiers={one.name: one.notifier for one in whole.notifiers},
        notify=tuple(one.recipient() for one in whole.notify),
        external_labels=frozenset(whole.prometheus.external_labels),
        auth=Tokens(
            whole.auth.webhook_token_file,
            whole.auth.operator_token_file,
            whole.auth.viewer_token_file,
            whole.auth.metrics_token_file,
            links=SignedLinks(whole.auth.link_key_file),
        ),
    )


def options(said: shape.Ssh) -> SshOptions:
    """The options of a `ssh:` or `hosts:` block. A `hosts:` entry with `jump_host: null` has no jump host, whatever
    `ssh:` says."""
    directly = isinstance(said, shape.Host) and said.jump_host is None and "jump_host" in said.model_fields_set
    return SshOptions(
        user=said.user,
        port=said.port,
        address=said.address if isinstance(said, shape.Host) else None,
        identity_files=tuple(said.identity_file),
        known_hosts_files=tuple(said.known_hosts_file),
        become=said.become,
        jump_host="none" if directly else said.jump_host,
        gate=said.gate,
        shell_timeout=said.shell_timeout.total_seconds() if said.shell_timeout else None,
    )


def rule(said: shape.Rule, cooldown: timedelta) -> Rule:
    """The rule. cooldown: of `limits`, for a rule without one."""
    return Rule(
        name=said.name,
        matchers=tuple(matcher for some in said.matchers for matcher in some),
        duration=said.duration,
        cooldown=cooldown if said.cooldown is None else said.cooldown,
        profiler=kind_of(said.profiler),
        spec=said.profiler,
        asked=said.evidence.asked(),
        take=said.take,
        prearm=said.prearm,
        notify=None if said.notify is None else tuple(one.recipient() for one in said.notify),
        baseline_every=said.baseline.every if said.baseline else None,
        resolvers=tuple(said.resolvers),
        only_exe=said.only.exe,
        only_cmdline=said.only.cmdline,
        relabel=tuple(one.relabel() for one in said.relabel_configs),
    )


def database(said: shape.Storage) -> str | None:
    """The address that is written, with the file of its password."""
    file = said.database_password_file
    return with_password_file(said.database, file) if said.database and file else said.database


def artifacts(said: shape.Storage, storage: Path) -> Path | Bucket:
    """Where artifacts rest. storage: the service's own folder, where files lie while they arrive."""
    if said.artifacts and "://" in said.artifacts:
        return bucket(said.artifacts, said.object_store, storage / "arriving")
    return Path(said.artifacts or storage / "artifacts").absolute()
