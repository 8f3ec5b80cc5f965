"""What every test may ask for: Go targets at work, ended with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.lab.golang import Unavailable
from tests.lab.target import Service

# No test depends on the machine's speed: an example that a busy machine held up is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
# structlog's default draws a traceback with the values of all variables, which takes longer than most tests.
structlog.configure([structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture
def run_target(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """run_target("toggle", STANDIN_STOP_DELAY_MS="500"): skips, with the reason, where it cannot be built."""
    with ExitStack() as running:

        def run(name: str, **env: str) -> Service:
            folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
            try:
                return running.enter_context(Service(name, folder, env=env))
            except Unavailable as reason:
                pytest.skip(f"a target is NOT tested: {reason}")

        yield run
