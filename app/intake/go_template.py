"""Go's templates for the groups of a regular expression (regexp.Expand): $name, ${name}, $1, $$. Pure."""

import re
from collections.abc import Iterator, Sequence

from app.intake.re2 import Groups


def expanded(template: str, match: Groups, names: Sequence[str]) -> str:
    """`template` with the groups of `match` put in. `names`: of the groups in order, "" for a group without one.

    A name is as long as it can be: $1x is the group called 1x. A group that does not exist or took no part in the
    match is empty. A $ without a name stands for itself.
    """
    return "".join(_parts(template, match, names))


def _parts(template: str, match: Groups, names: Sequence[str]) -> Iterator[str]:
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
    """The group's name at the beginning of the text after a $, in braces or not; None if there is no complete one."""
    braced = text.startswith("{")
    start = end = int(braced)
    while end < len(text) and (text[end].isalpha() or text[end].isdecimal() or text[end] == "_"):
        end += 1
    if start == end or (braced and not text.startswith("}", end)):
        return None
    return text[start:end]


def _group(name: str, match: Groups, names: Sequence[str]) -> str:
    """A number is the index of a group (01 is a name). Of several groups of one name, the first that matched counts."""
    if re.fullmatch(r"0|[1-9][0-9]{0,8}", name):
        return (match[int(name)] or "") if int(name) <= len(names) else ""
    return next((held for held, known in zip(match[1:], names, strict=True) if known == name and held is not None), "")
