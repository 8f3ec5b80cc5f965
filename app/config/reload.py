"""The configuration in force, and reading it anew while the service runs: all of it, or nothing.

Built by main.py, which hands over what has to follow. SIGHUP and POST /-/reload ask for it, as in Prometheus.
"""

from collections.abc import Callable
from threading import Lock

import structlog

from app.config.settings import BadConfig, Settings
from app.config.shown import without_secrets
from app.metrics import Metrics

log = structlog.get_logger()


class Reload:
    """Thread-safe; one at a time.

    read: the settings as the files say now; raises BadConfig, or ValueError with what else hinders them
    follow: makes the service work by them; raises OSError or RuntimeError when it cannot, and then has changed nothing
    """

    def __init__(
        self, settings: Settings, read: Callable[[], Settings], follow: Callable[[Settings], None], metrics: Metrics
    ) -> None:
        self._settings, self._read, self._follow, self._metrics = settings, read, follow, metrics
        self._turn = Lock()
        self._warn(settings)
        metrics.reloaded(None)

    def text(self) -> str:
        """The configuration in force as its file has it, without secrets; "" for the defaults."""
        return without_secrets(self._settings.text, self._settings.redaction)

    def reload(self) -> str | None:
        """Takes what the files say now. Returns None, or why it was not taken: the earlier configuration stays."""
        with self._turn:
            obstacle = self._taken()
        self._metrics.reloaded(obstacle)
        if obstacle:
            log.error("the configuration was not reloaded, the earlier one stays", fault=obstacle)
        else:
            log.info("the configuration was reloaded", rules=len(self._settings.rules))
        return obstacle

    def _taken(self) -> str | None:
        try:
            settings = self._read()
            if kept := read_once(self._settings, settings):
                return f"{kept} is read when the service starts: restart it, or put back what {kept} was"
            self._follow(settings)
        except (BadConfig, ValueError, OSError, RuntimeError) as fault:
            return str(fault)
        self._settings = settings
        self._warn(settings)
        return None

    def _warn(self, settings: Settings) -> None:
        for lacking in settings.warnings:
            log.warning("the configuration lacks something", fault=lacking)


def read_once(before: Settings, after: Settings) -> str | None:
    """The first key that differs and cannot be changed while the service runs; None if there is none."""
    for key in ("database", "artifacts"):
        if getattr(before.storage, key) != getattr(after.storage, key):
            return f"storage.{key}"
    return None
