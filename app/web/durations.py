"""Prometheus durations (`30s`, `5m`, `1h30m`), as the contract writes them. For the web and the configuration.

Grammar: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file
"""

import re
from datetime import timedelta

UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
GRAMMAR = re.compile("".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in UNITS))
HOW = "write a number with a unit, as 30s, 5m or 1h30m"

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=10)


def parse(text: str) -> timedelta:
    """The duration in `text`. Raises ValueError with a sentence that shows how to write one."""
    if text.isdecimal() and text != "0":
        raise ValueError(f"{text!r} has no unit; write {text}s for seconds or {text}m for minutes")
    match = GRAMMAR.fullmatch(text)
    if not text or (match is None and text != "0"):
        raise ValueError(f"{text!r} is no duration; {HOW}")
    counts = match.groups() if match else ()
    try:
        return timedelta(milliseconds=sum(int(n) * ms for n, ms in zip(counts, UNITS.values(), strict=False) if n))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than can be counted; {HOW}") from None


def recording(text: str) -> timedelta:
    """A duration for a recording, from SHORTEST to LONGEST. Raises ValueError with a sentence."""
    length = parse(text)
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"{text!r} is no time to record for; choose between {say(SHORTEST)} and {say(LONGEST)}")
    return length


def say(duration: timedelta) -> str:
    """`1h30m` for 90 minutes: the shortest spelling without years and weeks."""
    rest = duration // timedelta(milliseconds=1)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"
