"""What the web needs from the other packages. main.py builds one Parts and passes it to app/web/asgi.py."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Protocol

from starlette.exceptions import HTTPException

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.table import Difference
from app.analysis.diff.tree import DifferenceTree
from app.analysis.flame.asked import Asked
from app.analysis.flame.asking import ViewAsJson
from app.analysis.flame.prepared import Prepared
from app.analysis.flame.view import View
from app.analysis.goroutines import Group
from app.analysis.peek import Peek
from app.analysis.top import Top
from app.analysis.tree import Tree
from app.explain.explanation import Explained
from app.intake.message import Message
from app.intake.re2 import Pattern
from app.ledger.ledger import Ledger
from app.metrics import Metrics
from app.model import Artifact, Capture
from app.web.auth.tokens import Tokens
from app.web.transport.rate import Rate


class Store(Protocol):
    """Where artifacts are kept, under the key `<capture id>/<artifact name>`."""

    def read(self, key: str, start: int | None, end: int | None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`. Raises OSError, at the latest with the first chunk."""

    def delete_all(self, capture_id: str) -> None:
        """Deletes every file of a capture."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The other packages, as the routes use them.

    now: the time
    top, tree, peek: analysis.isolate.top_of, .tree_of, .peek_of
    goroutines: analysis.isolate.goroutines_of
    difference, difference_tree: of analysis.diff.asking
    flame_index, flame_view, flame_json: analysis.flame.asking.index_file, .view_in, .view_as_json
    prepared: the paths of large profiles that were made when their captures ended
    ready: None when the service is ready, otherwise the sentence why not
    external_url: how people reach the service, without a trailing slash
    profilers: the kinds that a manual capture may ask for, besides auto
    explain: what would become of a message, with or without looking at the hosts
    tokens: those in force
    recorded: called with each message of the webhook once it is durable
    cors_origin: the origins whose pages may read artifacts, for fullmatch
    rate_limit: of the requests; None for none
    route_prefix: what stands before every route; None: the path of external_url
    config: the text of the configuration, without secrets
    reload: reads it again, and returns why it was not taken
    audit: AuditLog.write; None: requests are not written to it
    prometheus: the address of Prometheus' API, None where none is configured
    """

    ledger: Ledger
    store: Store
    metrics: Metrics
    now: Callable[[], datetime]
    top: Callable[[Path, int, str | None], Top]
    tree: Callable[[Path, str | None], Tree]
    peek: Callable[[Path, str, int, str | None], Peek]
    goroutines: Callable[[Path, str], tuple[Group, ...]]
    difference: Callable[[Path, Path, int, str | None, Normalize | None], Difference]
    difference_tree: Callable[[Path, Path, str | None, Normalize | None], DifferenceTree]
    flame_index: Callable[[Path, str | None, Path], None]
    flame_view: Callable[[Path, Asked], View]
    flame_json: Callable[[Path, Asked], ViewAsJson]
    prepared: Prepared
    ready: Callable[[], str | None]
    external_url: str
    profilers: Collection[str]
    explain: Callable[[bytes, bool], Explained]
    tokens: Callable[[], Tokens] = Tokens
    recorded: Callable[[Message], None] = lambda message: None
    cors_origin: Pattern | None = None
    rate_limit: Rate | None = None
    route_prefix: str | None = None
    config: Callable[[], str] = str
    reload: Callable[[], str | None] = lambda: None
    audit: Callable[..., None] | None = None
    prometheus: Callable[[], str | None] = lambda: None


def the_capture(parts: Parts, capture_id: str) -> Capture:
    """The capture with this id. Raises HTTPException 404."""
    capture = parts.ledger.get(capture_id) if len(capture_id) <= 64 else None
    if capture is None:
        raise HTTPException(404, f"There is no capture {capture_id[:64]!r}; GET /captures lists what there is.")
    return capture


def the_artifact(capture: Capture, name: str) -> Artifact:
    """The artifact of this name. Raises HTTPException 404: only names that the capture lists reach the store."""
    for artifact in capture.artifacts:
        if artifact.name == name:
            return artifact
    has = ", ".join(artifact.name for artifact in capture.artifacts) or "no files"
    raise HTTPException(404, f"This capture has no file {name[:200]!r}; it has {has}.")


def stored(parts: Parts, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, from `start` up to but not including `end`. The first chunk is read at once, so that an
    error of the store shows before the answer has begun.

    Raises HTTPException: 410 when the store has lost the file, 503 when it cannot read it now.
    """
    try:
        chunks = parts.store.read(key, start, end)
        first = next(chunks, b"")
    except FileNotFoundError as error:
        raise HTTPException(410, f"The file {key} is in the capture's list, but no longer in the store.") from error
    except OSError as error:
        raise HTTPException(503, f"The file {key} cannot be read now: {error.strerror or error}.") from error
    return chain((first,), chunks)
