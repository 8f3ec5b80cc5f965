"""Prometheus' relabelling, on an alert's labels: what a rule's `relabel_configs` make of them, or that they drop it.

Pure. A rule carries the entries; admission asks whether they drop the alert, the pipeline resolves by what they leave.
It means what https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config means; names of
labels are UTF-8, as in Prometheus 3, and a label without a value is one that is not there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from typing import Literal

from app.intake.re2 import Captured, captured

Action = Literal[
    "replace",
    "keep",
    "drop",
    "lowercase",
    "uppercase",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "keepequal",
    "dropequal",
]
REGEX, SEPARATOR, REPLACEMENT = "(.*)", ";", "$1"
MOST_MODULUS = 2**64 - 1
_NEED_A_TARGET = frozenset({"replace", "lowercase", "uppercase", "hashmod", "keepequal", "dropequal"})
# What an action has no use for and does not forbid is ignored, as Prometheus ignores it.
_ONLY_REGEX = ("source_labels", "separator", "modulus", "target_label", "replacement")
_ONLY_LABELS = ("separator", "regex", "modulus", "replacement")
_FORBIDS = {
    "labeldrop": (_ONLY_REGEX, "takes only regex"),
    "labelkeep": (_ONLY_REGEX, "takes only regex"),
    "keepequal": (_ONLY_LABELS, "takes only source_labels and target_label"),
    "dropequal": (_ONLY_LABELS, "takes only source_labels and target_label"),
    "lowercase": (("replacement",), "takes no replacement"),
    "uppercase": (("replacement",), "takes no replacement"),
}
_DEFAULTS = {
    "source_labels": (),
    "separator": SEPARATOR,
    "regex": REGEX,
    "modulus": 0,
    "target_label": "",
    "replacement": REPLACEMENT,
}
_SHOWN = 100  # characters of a value in a sentence


class RelabelError(ValueError):
    """A sentence: what the action lacks or does not take, and what would be right."""


@dataclass(frozen=True, slots=True)
class Relabel:
    """One entry of relabel_configs. Raises RelabelError, and re2's PatternError for its regex."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = SEPARATOR
    regex: str = REGEX
    modulus: int = 0
    target_label: str = ""  # of `replace` a template, as the replacement is
    replacement: str = REPLACEMENT
    _regex: Captured = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_regex", captured(self.regex))
        if fault := _amiss(self):
            raise RelabelError(fault)

    def match(self, text: str) -> re.Match[str] | None:
        return self._regex.pattern.fullmatch(text)

    def expanded(self, template: str, match: re.Match[str]) -> str:
        """The template with the match's groups put in, by Go's rules."""
        return "".join(_expanded(template, match, self._regex.names))


@dataclass(frozen=True, slots=True)
class Dropped:
    """Which entry dropped the alert, counted from 0, and why."""

    index: int
    action: Action
    why: str

    def __str__(self) -> str:
        return f"relabel_configs[{self.index}] ({self.action}): {self.why}"


def relabelled(configs: Sequence[Relabel], labels: Mapping[str, str]) -> Mapping[str, str] | Dropped:
    """The labels after every entry in turn, or the first entry that drops them. Never raises."""
    table = _Table(labels)
    for index, config in enumerate(configs):
        joined = config.separator.join(table.get(name) for name in config.source_labels)
        if (judge := _JUDGES.get(config.action)) is not None:
            if why := judge(config, table, joined):
                return Dropped(index, config.action, why)
        else:
            _CHANGES[config.action](config, table, joined)
    return dict(table.items())


def _amiss(config: Relabel) -> str:
    """What this entry lacks, or has too much; "" for a sound one."""
    action = config.action
    forbidden, takes = _FORBIDS.get(action, ((), ""))
    if strange := [name for name in forbidden if getattr(config, name) != _DEFAULTS[name]]:
        return f"{action} {takes}; leave out {' and '.join(strange)}"
    if action in _NEED_A_TARGET and not _is_name(config.target_label):
        return f"{action} needs target_label, the name of a label"
    if action == "hashmod" and not 0 < config.modulus <= MOST_MODULUS:
        return f"hashmod needs modulus, a whole number from 1 to {MOST_MODULUS}"
    if action == "labelmap" and not _is_name(config.replacement):
        return "labelmap needs a replacement, the names to copy to, as $1 or app_${1}"
    if strange := [name for name in config.source_labels if not _is_name(name)]:
        return f"in source_labels {strange[0]!r} is no name of a label"
    return ""


def _is_name(name: str) -> bool:
    """Surrogates are the only characters that UTF-8 does not have."""
    return bool(name) and not any("\ud800" <= char <= "\udfff" for char in name)


class _Table:
    """The labels on their way through the entries.

    Written ones come after those of the alert, which are sorted by name, and keep the place of their first writing:
    where labelmap copies two labels to one name the later wins, and so it is the same one as in Prometheus.
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
        """As they are now, whatever is written meanwhile."""
        return [*self.given.items(), *self.written.items()]


# ---------------------------------------------------------------------- actions that drop: "" or why

Judge = Callable[[Relabel, _Table, str], str]


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


_JUDGES: Mapping[Action, Judge] = {"keep": _keep, "drop": _drop, "keepequal": _keepequal, "dropequal": _dropequal}

# ---------------------------------------------------------------------- actions that change the labels

Change = Callable[[Relabel, _Table, str], None]


def _replace(config: Relabel, table: _Table, joined: str) -> None:
    if (match := config.match(joined)) and _is_name(target := config.expanded(config.target_label, match)):
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
        if (match := config.match(name)) and _is_name(target := config.expanded(config.replacement, match)):
            table.put(target, value)


def _labeldrop(config: Relabel, table: _Table, _: str) -> None:
    for name, _value in table.items():
        if config.match(name):
            table.put(name, "")


def _labelkeep(config: Relabel, table: _Table, _: str) -> None:
    for name, _value in table.items():
        if not config.match(name):
            table.put(name, "")


_CHANGES: Mapping[Action, Change] = {
    "replace": _replace,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
}


def _lower(char: str) -> str:
    """Go's case mapping is from one character to one, whatever stands around it; only İ has a longer one here."""
    return char.lower()[0]


def _upper(char: str) -> str:
    """ß stays as it is, and ᾳ becomes ᾼ, which is its title case."""
    return next((upper for upper in (char.upper(), char.title()) if len(upper) == 1), char)


# ---------------------------------------------------------------------- Go's templates


def _expanded(template: str, match: re.Match[str], names: Sequence[str]) -> Iterator[str]:
    """The parts of what `template` says: $name and ${name} are a group's text, $$ is a dollar.

    A name is as long as it can be: $1x is the group called 1x. A group that is not there or took no part is empty, and
    a $ without a name stands for itself.
    """
    text, dollar, rest = template.partition("$")
    while dollar:
        yield text
        if rest.startswith("$"):
            yield "$"
            rest = rest[1:]
        elif (name := _name(rest)) is not None:
            yield _group(name, match, names)
            rest = rest[len(name) + 2 * rest.startswith("{") :]
        else:
            yield "$"
        text, dollar, rest = rest.partition("$")
    yield text


def _name(text: str) -> str | None:
    """The group's name at the beginning of what follows a $, in braces or not; None if there is no whole one."""
    braced = text.startswith("{")
    start = end = int(braced)
    while end < len(text) and (text[end].isalpha() or text[end].isdecimal() or text[end] == "_"):
        end += 1
    if start == end or (braced and not text.startswith("}", end)):
        return None
    return text[start:end]


def _group(name: str, match: re.Match[str], names: Sequence[str]) -> str:
    """A number counts the groups, 01 is a name; of several groups of one name it is the first that matched."""
    if re.fullmatch(r"0|[1-9][0-9]{0,8}", name):
        return (match[int(name)] or "") if int(name) <= len(names) else ""
    return next((match[at] for at, known in enumerate(names, 1) if known == name and match[at] is not None), "")
