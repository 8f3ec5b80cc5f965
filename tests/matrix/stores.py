"""The stores' contract over versitygw, an S3 server in Go that is built for it, and over Azurite, Azure's emulator."""

from collections.abc import Iterator

from tests.lab.azurite import AZURITE
from tests.lab.s3 import VERSITY
from tests.lab.tools import Unavailable, from_go
from tests.matrix.outcomes import outcomes

HEAD = (f"stores, over {VERSITY.rpartition('/')[2]} and {AZURITE}", "")


def rows() -> Iterator[tuple[str, ...]]:
    try:
        from_go(VERSITY)
    except Unavailable as reason:
        yield (str(reason), "")
    yield from outcomes("tests/contract/test_stores.py", EVERY_SHELL="1")
