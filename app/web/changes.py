"""Changes of a capture, for the API and the pages: stopped, deleted, chosen as its service's baseline."""

from dataclasses import dataclass

import structlog
from starlette.exceptions import HTTPException

from app.model import Capture, State
from app.web.parts import Parts

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """Each raises HTTPException 409 where the capture does not allow it, and logs who asked."""

    parts: Parts

    def stop(self, capture: Capture, who: str) -> None:
        """Early; what there is stays."""
        if not self.parts.ledger.request_stop(capture.id, self.parts.now()):
            raise HTTPException(409, f"This capture has already ended: it is {capture.state}.")
        log.info("stop asked for", capture_id=capture.id, by=who)

    def delete(self, capture: Capture, who: str) -> None:
        """With its files."""
        if self.parts.ledger.delete(capture.id) is None:
            raise HTTPException(
                409, f"This capture is {capture.state}; stop it first, and delete it when it has ended."
            )
        self.parts.store.delete_all(capture.id)
        log.info("capture deleted", capture_id=capture.id, by=who)

    def choose_baseline(self, capture: Capture, who: str) -> None:
        """It takes the place of the service's earlier one."""
        if not self.parts.ledger.choose_baseline(capture):
            raise HTTPException(409, f"{_no_baseline(capture)}; choose a completed capture of a service.")
        log.info("baseline chosen", capture_id=capture.id, by=who)

    def unchoose_baseline(self, capture: Capture, who: str) -> None:
        """Others are not compared with it any more."""
        self.parts.ledger.unchoose_baseline(capture.id)
        log.info("baseline given up", capture_id=capture.id, by=who)


def _no_baseline(capture: Capture) -> str:
    if capture.state is not State.COMPLETED:
        return f"This capture is {capture.state}, so it cannot be a baseline"
    return "It is not known of which service this capture is, so nothing would be compared with it"
