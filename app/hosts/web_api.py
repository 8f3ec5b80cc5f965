"""GET of a document from a web address that the configuration names: Prometheus, Alertmanager, service discovery.

Every answer has a bound in bytes and in time. The address is never one that a label or an answer names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2

TIMEOUT = 10.0  # seconds for an answer to begin, and between two pieces of it
WHOLE = 60.0  # seconds for all of it
LARGEST = 32 << 20  # bytes of it


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of an answer. silence: seconds until it begins, and between two pieces of it; whole: seconds for all of it;
    largest: bytes of it."""

    silence: float
    whole: float
    largest: int


Parameters = Mapping[str, str | Sequence[str]]


def document(
    url: str,
    parameters: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    bounds: Bounds | None = None,
) -> bytes:
    """The body of the answer. Raises httpx2.HTTPError; ValueError for an answer beyond the bounds."""
    bounds = bounds or Bounds(TIMEOUT, WHOLE, LARGEST)
    end, body = monotonic() + bounds.whole, bytearray()
    plain = {"Accept-Encoding": "identity", **(headers or {})}  # a compressed answer has no bound until it is unpacked
    asked: Any = dict(parameters) if parameters else None
    with httpx2.stream("GET", url, params=asked, headers=plain, timeout=bounds.silence) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            body += piece
            if len(body) > bounds.largest:
                raise ValueError(f"it answers more than {bounds.largest >> 20} MiB")
            if monotonic() > end:
                raise ValueError(f"its answer was not whole after {bounds.whole:g} s")
    return bytes(body)
