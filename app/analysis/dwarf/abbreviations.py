"""The kinds of entries of a unit: which attributes each has, and how far the next entry is. Source: DWARF 5, 7.5.3."""

from typing import Final, NamedTuple

from app.analysis.dwarf.budget import Budget
from app.analysis.dwarf.forms import IMPLICIT, Shape, fixed
from app.analysis.dwarf.numbers import signed, unsigned
from app.analysis.goheap.ranges import Unreadable

SIBLING = 0x01
MOST: Final = 1000  # attributes of one kind


class Attribute(NamedTuple):
    """implicit: its value, where the form has it here"""

    name: int
    form: int
    implicit: int


class Abbreviation(NamedTuple):
    """size: of an entry's attributes in bytes, None where it varies; sibling: the index of the attribute that tells
    where the next sibling is, -1 without one"""

    tag: int
    children: bool
    attributes: tuple[Attribute, ...]
    size: int | None
    sibling: int


def abbreviations(data: bytes, shape: Shape, budget: Budget) -> dict[int, Abbreviation]:
    """The table that begins with `data`, by its codes. Raises IndexError for one that is cut."""
    table: dict[int, Abbreviation] = {}
    at = 0
    while True:
        budget.round()
        code, at = unsigned(data, at)
        if not code:
            return table
        tag, at = unsigned(data, at)
        children, at = data[at] != 0, at + 1
        attributes, at = _attributes(data, at)
        sizes = [fixed(each.form, shape) for each in attributes]
        sibling = next((index for index, each in enumerate(attributes) if each.name == SIBLING), -1)
        size = None if None in sizes else sum(each or 0 for each in sizes)
        table[code] = Abbreviation(tag, children, attributes, size, sibling)


def _attributes(data: bytes, at: int) -> tuple[tuple[Attribute, ...], int]:
    found: list[Attribute] = []
    while True:
        name, at = unsigned(data, at)
        form, at = unsigned(data, at)
        if not (name or form):
            return tuple(found), at
        implicit = 0
        if form == IMPLICIT:
            implicit, at = signed(data, at)
        found.append(Attribute(name, form, implicit))
        if len(found) > MOST:
            raise Unreadable(f"has debugging information with more than {MOST} attributes of one entry")
