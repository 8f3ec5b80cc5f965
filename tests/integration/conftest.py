"""Each test of the gate runs in one of the chosen shells; about half of the tests fall on either."""

from zlib import crc32

import pytest

from tests.lab.shell import CHOSEN, SHELLS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if set(CHOSEN) == set(SHELLS):  # `make matrix`
        return
    left_out = [item for item in items if runs_elsewhere(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def runs_elsewhere(item: pytest.Item) -> bool:
    """Whether it is a test of the gate in the shell that is not this test's."""
    if not isinstance(item, pytest.Function) or getattr(item.module, "CHOSEN", None) != CHOSEN:
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    shells = [each for each in parameters if isinstance(each, str) and each in CHOSEN]
    return bool(shells) and CHOSEN[crc32(item.originalname.encode()) % len(CHOSEN)] not in shells
