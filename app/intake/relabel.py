"""One entry of `relabel_configs`, checked: which action, on which labels. relabelling.py applies it. Pure.

The keys mean what https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config says. Names
of labels are UTF-8, as in Prometheus 3.
"""

from dataclasses import dataclass, field
from typing import Literal

from app.intake.go_template import expanded
from app.intake.re2 import Groups, Pattern, captured

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
# A key that an action neither needs nor forbids is ignored, as in Prometheus.
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


class RelabelError(ValueError):
    """The message says what the action lacks or does not take, and what would be right."""


@dataclass(frozen=True, slots=True)
class Relabel:
    """One entry of relabel_configs. Raises RelabelError; PatternError for its regex."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = SEPARATOR
    regex: str = REGEX
    modulus: int = 0
    target_label: str = ""  # of `replace` a template, as the replacement is
    replacement: str = REPLACEMENT
    _regex: Pattern = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_regex", captured(self.regex))
        if fault := _fault(self):
            raise RelabelError(fault)

    def match(self, text: str) -> Groups | None:
        """The match of the entry's regex with the whole of `text`."""
        return self._regex.fullmatch(text)

    def expanded(self, template: str, match: Groups) -> str:
        """`template` with the groups of `match` put in, by Go's rules."""
        return expanded(template, match, self._regex.names)


def _fault(config: Relabel) -> str:
    """What this entry lacks or has too much; "" for a valid one."""
    action = config.action
    forbidden, takes = _FORBIDS.get(action, ((), ""))
    if strange := [name for name in forbidden if getattr(config, name) != _DEFAULTS[name]]:
        return f"{action} {takes}; leave out {' and '.join(strange)}"
    if action in _NEED_A_TARGET and not is_label_name(config.target_label):
        return f"{action} needs target_label, the name of a label"
    if action == "hashmod" and not 0 < config.modulus <= MOST_MODULUS:
        return f"hashmod needs modulus, a whole number from 1 to {MOST_MODULUS}"
    if action == "labelmap" and not is_label_name(config.replacement):
        return "labelmap needs a replacement, the names to copy to, as $1 or app_${1}"
    if strange := [name for name in config.source_labels if not is_label_name(name)]:
        return f"in source_labels {strange[0]!r} is no name of a label"
    return ""


def is_label_name(name: str) -> bool:
    """Whether this can be the name of a label: not empty, and UTF-8 (surrogates are the only characters without)."""
    return bool(name) and not any("\ud800" <= char <= "\udfff" for char in name)
