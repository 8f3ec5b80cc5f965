from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.web_app import WebApp


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()
