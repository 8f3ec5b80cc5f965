"""Binds the rules to `admission.decide`, for the ledger."""

from collections.abc import Sequence
from functools import partial

import uuid_utils

from app.captures.lanes import lane_of
from app.intake.admission import decide
from app.intake.rules import Rule, first_match
from app.ledger.ledger import Decide


def deciding(rules: Sequence[Rule]) -> Decide:
    """`admission.decide` with these rules."""
    return partial(
        decide,
        match=partial(first_match, rules),
        tried=len(rules),
        new_id=lambda: str(uuid_utils.uuid7()),
        lane=lane_of,
    )
