"""The filters of the list of captures, as links: what is asked for, and the values that occur. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.ledger.ledger import Values
from app.web.pages.states import reason_in_words, state_in_words

FACETS: Final = ("service", "host", "alertname", "rule", "reason")
MOST: Final = 12  # values of a facet that are offered
Query = Sequence[tuple[str, str]]  # the parameters of an address


@dataclass(frozen=True, slots=True)
class Chip:
    """A value. href: the page with this filter, or without it where it is chosen. text: the value in words."""

    name: str
    value: str
    text: str
    href: str
    count: int = 0
    chosen: bool = False


def chosen(query: Query) -> list[Chip]:
    """What the address asks for, each with the way back."""
    return [
        Chip(name, value, in_words(name, value), without(query, name), chosen=True)
        for name, value in query
        if value and name != "limit"
    ]


def offered(query: Query, recent: Mapping[Values, int]) -> dict[str, list[Chip]]:
    """The values of each facet among the newest captures that fit the other filters, the most frequent first. recent:
    how many captures have the same values."""
    asked = {name: value for name, value in query if value and name in ("state", *FACETS)}
    found = {name: _counted(name, recent, {key: asked[key] for key in asked if key != name}) for name in FACETS}
    return {
        name: [Chip(name, value, in_words(name, value), with_(query, name, value), count) for value, count in values]
        for name, values in found.items()
        if values and name not in asked
    }


def _counted(name: str, recent: Mapping[Values, int], others: dict[str, str]) -> list[tuple[str, int]]:
    found = Counter[str]()
    for values, number in recent.items():
        if (value := getattr(values, name)) and all(getattr(values, key) == other for key, other in others.items()):
            found[value] += number
    return found.most_common(MOST)


def in_words(name: str, value: str) -> str:
    """The value as people say it."""
    words = {"state": state_in_words, "reason": reason_in_words}.get(name)
    return words(value) if words else value


def with_(query: Query, name: str, value: str) -> str:
    """The address with this filter in the place of another value."""
    return f"/?{urlencode([*_other(query, name), (name, value)])}"


def without(query: Query, *names: str) -> str:
    """The address without these filters."""
    rest = _other(query, *names)
    return f"/?{urlencode(rest)}" if rest else "/"


def _other(query: Query, *names: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in query if name not in (*names, "cursor") and value]
