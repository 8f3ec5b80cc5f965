"""Applying `relabel_configs` to an alert's labels: what they become, or which entry drops them. Pure.

A rule carries the entries. Admission asks whether they drop the alert; the resolvers see the labels that they leave.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from app.intake.relabel import Action, Relabel, is_label_name

_SHOWN = 100  # characters of a value in a sentence


@dataclass(frozen=True, slots=True)
class Dropped:
    """Which entry dropped the alert (index from 0), and why."""

    index: int
    action: Action
    why: str

    def __str__(self) -> str:
        return f"relabel_configs[{self.index}] ({self.action}): {self.why}"


def relabelled(configs: Sequence[Relabel], labels: Mapping[str, str]) -> Mapping[str, str] | Dropped:
    """The labels after every entry in turn, or the first entry that drops them. A label without a value is one that
    does not exist. Never raises."""
    table = _Table(labels)
    for index, config in enumerate(configs):
        joined = config.separator.join(table.get(name) for name in config.source_labels)
        if (drops := _DROPPING.get(config.action)) is not None:
            if why := drops(config, table, joined):
                return Dropped(index, config.action, why)
        else:
            _CHANGING[config.action](config, table, joined)
    return dict(table.items())


class _Table:
    """The labels on their way through the entries.

    The alert's own labels come first, sorted by name. Labels that an entry wrote follow in the order of their first
    writing. Where labelmap copies two labels to one name the later wins, so this order decides as in Prometheus.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.given = {name: labels[name] for name in sorted(labels) if labels[name]}
        self.written: dict[str, str] = {}

    def get(self, name: str) -> str:
        return self.written.get(name) or self.given.get(name, "")

    def put(self, name: str, value: str) -> None:
        """Writes a label; an empty value removes it."""
        self.given.pop(name, None)
        if value:
            self.written[name] = value
        else:
            self.written.pop(name, None)

    def items(self) -> list[tuple[str, str]]:
        """A copy of the labels as they are now."""
        return [*self.given.items(), *self.written.items()]


# Actions that drop: "", or why the alert is dropped.

Drops = Callable[[Relabel, _Table, str], str]


def _keep(config: Relabel, _: _Table, joined: str) -> str:
    return "" if config.match(joined) else f"{_sources(config, joined)} does not match {_shown(config.regex)}"


def _drop(config: Relabel, _: _Table, joined: str) -> str:
    return f"{_sources(config, joined)} matches {_shown(config.regex)}" if config.match(joined) else ""


def _keepequal(config: Relabel, table: _Table, joined: str) -> str:
    target = table.get(config.target_label)
    return "" if joined == target else f"{_sources(config, joined)} is not {config.target_label} {_shown(target)}"


def _dropequal(config: Relabel, table: _Table, joined: str) -> str:
    same = joined == table.get(config.target_label)
    return f"{_sources(config, joined)} is {config.target_label} too" if same else ""


def _sources(config: Relabel, joined: str) -> str:
    return f"{config.separator.join(config.source_labels) or 'no source label'} {_shown(joined)}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


_DROPPING: Mapping[Action, Drops] = {"keep": _keep, "drop": _drop, "keepequal": _keepequal, "dropequal": _dropequal}

# Actions that change the labels.


Change = Callable[[Relabel, _Table, str], None]


def _replace(config: Relabel, table: _Table, joined: str) -> None:
    if (match := config.match(joined)) and is_label_name(target := config.expanded(config.target_label, match)):
        table.put(target, config.expanded(config.replacement, match))


def _lowercase(config: Relabel, table: _Table, joined: str) -> None:
    table.put(config.target_label, "".join(map(_lower, joined)))


def _uppercase(config: Relabel, table: _Table, joined: str) -> None:
    table.put(config.target_label, "".join(map(_upper, joined)))


def _hashmod(config: Relabel, table: _Table, joined: str) -> None:
    digest = md5(joined.encode(errors="surrogatepass"), usedforsecurity=False).digest()
    table.put(config.target_label, str(int.from_bytes(digest[8:], "big") % config.modulus))


def _labelmap(config: Relabel, table: _Table, _: str) -> None:
    for name, value in table.items():
        if (match := config.match(name)) and is_label_name(target := config.expanded(config.replacement, match)):
            table.put(target, value)


def _labeldrop(config: Relabel, table: _Table, _: str) -> None:
    for name, _value in table.items():
        if config.match(name):
            table.put(name, "")


def _labelkeep(config: Relabel, table: _Table, _: str) -> None:
    for name, _value in table.items():
        if not config.match(name):
            table.put(name, "")


_CHANGING: Mapping[Action, Change] = {
    "replace": _replace,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
}


def _lower(char: str) -> str:
    """Go maps one character to one, whatever surrounds it. Only İ has a longer mapping in Python."""
    return char.lower()[0]


def _upper(char: str) -> str:
    """As Go: ß stays as it is, and ᾳ becomes ᾼ, its title case."""
    return next((upper for upper in (char.upper(), char.title()) if len(upper) == 1), char)
