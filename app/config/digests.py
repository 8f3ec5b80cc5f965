"""The digest of each rule, by which replicas know whether they have the same one. Called by settings.py."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from app.intake.rules import Rule

LENGTH = 16  # characters


def with_digests(rules: Sequence[Rule], said: Any) -> tuple[Rule, ...]:
    """The rules with the digest of what the file says of each. said: the whole file as it was read."""
    texts = [json.dumps(one, sort_keys=True, default=str) for one in (said or {}).get("rules") or ()]
    digests = [sha256(text.encode()).hexdigest()[:LENGTH] for text in texts]
    return tuple(replace(rule, digest=digest) for rule, digest in zip(rules, digests, strict=False)) or tuple(rules)
