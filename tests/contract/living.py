"""A replica that says that it lives, for tests of several on one PostgreSQL."""

import threading

from app.ledger.ledger import Ledger
from app.ledger.presence import Presence
from tests.lab.process import eventually
from tests.unit.ledger.builders import NOON, admission


class Replica:
    """A ledger that lives, and how often it was woken."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger(url, decide=admission(), clock=lambda: NOON)
        self.ledger.migrate()
        assert isinstance(self.ledger.presence, Presence)
        self.presence = self.ledger.presence
        self.woken = threading.Event()
        self.presence.start(self.woken.set)
        eventually(lambda: self.presence.owner, "it is known to live")
        self.owner = self.presence.owner
