"""alertprof itself as a process, driven over HTTP: `python -m app serve` with a generated configuration."""

import ssl
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import yaml

from tests.lab import ports
from tests.lab.process import LONG, Process

ENDS = frozenset({"completed", "failed", "skipped", "canceled"})
TLS = ssl.create_default_context()  # made anew for every question, it would cost 30 ms of a processor each time


class Alertprof:
    """One replica. `config` is the YAML file's content; storage not said lies under `folder`."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        words: Sequence[str] = (),
        run: type[Process] = Process,
    ) -> None:
        """env: added to ours; words: more options of `serve`; run: what makes a process of it. It keeps its port
        over `restart`."""
        self.folder, self.port = folder, ports.free()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "alertprof.yml"
        storage = {"database": f"sqlite:///{folder / 'alertprof.db'}", "artifacts": str(folder / "artifacts")}
        self.config.write_text(yaml.safe_dump({"storage": storage, **(config or {})}))
        serve = [sys.executable, "-m", "app", "serve", f"--config.file={self.config}"]
        place = [f"--web.listen-address=127.0.0.1:{self.port}", f"--storage.path={folder / 'data'}"]
        self.process = run([*serve, *place, *words], folder / "alertprof.log", env=env, name="alertprof")
        self._await_ready()

    def _await_ready(self) -> None:
        try:
            self.process.until(self.ready, "it is ready", within=180)
        except BaseException:
            self.stop()
            raise

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/-/ready", verify=TLS, timeout=LONG).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def webhook(self) -> str:
        return f"{self.url}/webhook"

    def kill9(self) -> None:
        self.process.kill9()

    def restart(self) -> None:
        """Runs it again on the same port, configuration and data; ends it first if it still runs."""
        if self.process.alive:
            self.process.stop()
        self.process.start()
        self._await_ready()

    def stop(self) -> None:
        self.process.stop(grace=LONG)

    def captures(self, **filters: str) -> list[dict[str, Any]]:
        """The first page, newest first."""
        answer = httpx2.get(f"{self.url}/captures", params=filters, verify=TLS, timeout=LONG).raise_for_status().json()
        found: list[dict[str, Any]] = answer["captures"]
        return found

    def capture(self, capture_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (
            httpx2.get(f"{self.url}/captures/{capture_id}", verify=TLS, timeout=LONG).raise_for_status().json()
        )
        return found

    def wait_capture(self, capture_id: str, states: Collection[str] = ENDS, timeout: float = LONG) -> dict[str, Any]:
        """The capture once it is in one of `states`; Late with where it stands otherwise."""

        def arrived() -> dict[str, Any] | None:
            now = self.capture(capture_id)
            return now if now["state"] in states else None

        return self.process.until(arrived, f"capture {capture_id} is {' or '.join(sorted(states))}", timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
