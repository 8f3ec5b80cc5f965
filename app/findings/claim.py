"""What the alert's rule said of the process's CPU time, where that is certain. Pure.

Prometheus' link to an alert has the rule's expression as `g0.expr`. Of the expressions that there are, only a rate of
`process_cpu_seconds_total` against a number is read: a process writes it about itself, in CPU seconds, with every
client library (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). Containers and hosts are
more than a process, and other links have other forms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

LONGEST: Final = 4096  # characters of a link
RATE: Final = r"i?rate\(process_cpu_seconds_total(?:\{[^{}]*\})?\[(?P<window>\d[0-9a-z]*)\]\)"
NUMBER: Final = r"\d{1,9}(?:\.\d{1,9})?(?:e[+-]?\d{1,2})?"
EXPRESSION: Final = re.compile(
    rf"\(?(?P<before>100 \* )?(?:(?:sum|avg|max|min) by \([a-z_, ]*\binstance\b[a-z_, ]*\) \({RATE}\)|"
    rf"{RATE.replace('window', 'span')})(?P<after> \* 100)?\)? >=? (?P<threshold>{NUMBER})",
    re.ASCII,
)
VALUE: Final = re.compile(rf"(?P<number>{NUMBER}) ?(?P<percent>%)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """cores: CPU seconds a second that the process used when the alert fired; exact: whether the alert told them, or
    only that they were more; window: over which the rule looks, as Prometheus writes it."""

    cores: float
    exact: bool
    window: str

    def __str__(self) -> str:
        more = "" if self.exact else "more than "
        return f"{more}{self.cores:.2f} cores over {self.window}"


def claim_in(generator_url: str, told: Mapping[str, str]) -> Claim | None:
    """The claim of the alert with this link; None where there is none or it is not certain. told: its annotations and
    labels, of which `value` may have the value, if it is past the rule's threshold."""
    read = EXPRESSION.fullmatch(expression_in(generator_url))
    if read is None or (read["before"] and read["after"]):
        return None
    scale = 100.0 if read["before"] or read["after"] else 1.0
    threshold, window = float(read["threshold"]) / scale, read["window"] or read["span"]
    if not threshold:
        return None
    value = VALUE.fullmatch(told.get("value", "").strip())
    cores = float(value["number"]) / (100.0 if value["percent"] else scale) if value else 0.0
    return Claim(cores, True, window) if cores >= threshold else Claim(threshold, False, window)


def expression_in(generator_url: str) -> str:
    """The expression on one line; "" where the link has none."""
    try:
        asked = parse_qs(urlsplit(generator_url[: LONGEST + 1]).query, max_num_fields=100)
    except ValueError:
        return ""
    return " ".join(asked.get("g0.expr", [""])[0].split()) if len(generator_url) <= LONGEST else ""
