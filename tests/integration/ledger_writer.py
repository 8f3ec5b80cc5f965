"""A service that only writes, to be killed: says each thing on a line of its own once the ledger has acknowledged it.

python -m tests.integration.ledger_writer DATABASE-URL NAME
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

from uuid_utils import uuid7

from app.ledger.ledger import Ledger
from app.model import Step
from tests.unit.ledger.builders import admission, firing

HOUR = timedelta(hours=1)


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def deliver(ledger: Ledger, name: str) -> None:
    for number in count():
        fingerprint = f"{name}-{number}"
        (id_,) = ledger.receive([firing(fingerprint)]).result(60).created
        say("received", id_)


def work(ledger: Ledger) -> None:
    while True:
        now = datetime.now(UTC)
        claim = ledger.claim(now, "writer", HOUR)
        if claim is not None:
            ledger.save(claim, claim.capture.to(Step.START, due=now))
            say("saved", claim.capture.id)


def main(url: str, name: str) -> None:
    ledger = Ledger(url, decide=admission(new_id=lambda: str(uuid7())), exclusive=True)
    ledger.migrate()
    with ThreadPoolExecutor(5) as pool:
        for worker in range(4):
            pool.submit(deliver, ledger, f"{name}-{worker}")
        pool.submit(work, ledger)


if __name__ == "__main__":
    main(*sys.argv[1:])
