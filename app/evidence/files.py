"""The kernel's small text files, as `grep -H` prints several of them: read strictly, bounded. Pure.

Everything here is untrusted: a process chooses its name and its group's name, and a host may lie. Whatever has not its
exact shape is left out. The shapes are those of proc(5) and of the kernel's admin-guide/cgroup-v2.rst, cgroup-v1 and
accounting/psi.rst.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

MOST = 120  # numbers of one file
LINE = re.compile(
    r"(?:/proc/(?=pressure/[a-z]{2,6}:)|(?:/[a-z_]+)*/|/proc/\d{1,7}/)?([a-z_.]{2,40}|pressure/[a-z]{2,6}):(.*)",
    re.ASCII,
)
KILOBYTES = re.compile(r"([A-Za-z_()]{1,32}): +(\d{1,15})(?: kB)?", re.ASCII)
NUMBER = re.compile(r"([a-z_]{1,40}):? (\d{1,20})", re.ASCII)
STALL = re.compile(r"(some|full) avg10=(\d{1,3}\.\d\d) avg60=(\d{1,3}\.\d\d) avg300=(\d{1,3}\.\d\d) total=(\d{1,20})")
LIMIT = re.compile(r"(Max [a-z ]{2,20}?) {2,}(\d{1,20}|unlimited) +(\d{1,20}|unlimited)(?: +([a-z]{1,12}))?", re.ASCII)

Files = Mapping[str, list[str]]


def files_in(lines: Iterable[str]) -> Files:
    """File -> its lines. Of the pressure files of /proc the folder is part of the name, as in `pressure/cpu`."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if m := LINE.fullmatch(line):
            found.setdefault(m[1], []).append(m[2].strip())
    return found


def kilobytes_in(lines: Iterable[str]) -> dict[str, int]:
    """`Name: 12 kB` a line: name -> bytes. Numbers without a unit are kept as they are."""
    found = (KILOBYTES.fullmatch(line) for line in lines)
    sized = {m[1]: int(m[2]) << (10 if m[0].endswith(" kB") else 0) for m in found if m}
    return dict(list(sized.items())[:MOST])


def numbers_in(lines: Iterable[str]) -> dict[str, int]:
    """`name 12` or `name: 12` a line."""
    found = (NUMBER.fullmatch(line) for line in lines)
    return dict([(m[1], int(m[2])) for m in found if m][:MOST])


def stalls_in(lines: Iterable[str]) -> dict[str, dict[str, float]]:
    """Pressure stall information: `some` and `full`, each with the percentages of 10, 60 and 300 seconds."""
    found = (STALL.fullmatch(line) for line in lines)
    return {m[1]: {"avg10": float(m[2]), "avg60": float(m[3]), "avg300": float(m[4])} for m in found if m}


def limits_in(lines: Iterable[str]) -> dict[str, dict[str, int | str]]:
    """The limits of a process: name -> soft, hard and unit; numbers or `unlimited`."""
    found = (LIMIT.fullmatch(line) for line in lines)
    known = [(m[1], {"soft": amount(m[2]), "hard": amount(m[3]), "unit": m[4] or ""}) for m in found if m]
    return dict(known[:MOST])


def amount(word: str) -> int | str:
    """A number, or the word where it is none."""
    return int(word) if word.isdecimal() else word


def one_number(lines: Iterable[str]) -> int | str | None:
    """The content of a file with one number, or `max`; None for any other."""
    first = next(iter(lines), "")
    return amount(first) if re.fullmatch(r"\d{1,20}|max|-1", first, re.ASCII) else None


def values(lines: Iterable[str], key: str) -> Iterator[str]:
    """The rest of each line that begins with this word."""
    for line in lines:
        if line.startswith(f"{key} "):
            yield line[len(key) + 1 :].strip()
