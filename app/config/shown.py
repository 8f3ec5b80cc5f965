"""The text of a configuration as everybody who may look can read it. reload.py shows it at GET /-/config.

Tokens and keys are in files of their own. What is left are logins in addresses, and what a rule's command or a comment
may say.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise

import yaml

from app.config.yaml_marks import read
from app.errors import without_logins
from app.redaction import Redaction

# SQLAlchemy ends a password at the first @ only, so it may have a slash.
DATABASE = re.compile(r"^(postgresql[^:]*://)[^:/@]*(?::[^@]*)?@")


def without_secrets(text: str, redaction: Redaction) -> str:
    """The text without the logins in its addresses, however YAML writes them, and without what `redaction` finds."""
    scalars = {node.start_mark.index: node for node in read(text).nodes.values() if isinstance(node, yaml.ScalarNode)}
    pieces = _pieces(text, [scalars[index] for index in sorted(scalars)])
    return redaction.text(without_logins("".join(pieces)))


def _pieces(text: str, scalars: list[yaml.ScalarNode]) -> Iterator[str]:
    """The text in pieces, with the scalars that have a login written anew."""
    ends = [0, *(node.end_mark.index for node in scalars)]
    for node, (before, end) in zip(scalars, pairwise(ends), strict=True):
        written = text[node.start_mark.index : end]
        shown = without_logins(DATABASE.sub(r"\1", node.value))
        yield text[before : node.start_mark.index]
        yield written if shown == node.value else json.dumps(shown) + "\n" * written.endswith("\n")
    yield text[ends[-1] :]
