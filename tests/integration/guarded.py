"""alertprof as somebody would run it where others can reach it: with keys, TLS, and everything logged."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.lab import ports
from tests.lab.forked import Forked


class Guarded:
    """`config`: the YAML file's content, `web`: the web configuration's text; files lie in `folder`."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any] | None = None, web: str = "", host: str = "127.0.0.1"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, ports.free()
        (folder / "alertprof.yml").write_text(yaml.safe_dump(dict(config or {})))
        (folder / "web.yml").write_text(web)
        serve = [sys.executable, "-m", "app", "serve", f"--config.file={folder / 'alertprof.yml'}"]
        where = [f"--web.listen-address={host}:{self.port}", f"--web.config.file={folder / 'web.yml'}"]
        more = [f"--storage.path={folder / 'data'}", "--log.level=debug"]
        self.process = Forked([*serve, *where, *more], folder / "alertprof.log", name="alertprof")
        try:
            self.process.until(lambda: ports.is_open(self.port), "it listens")
        except BaseException:
            self.process.stop()
            raise

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.process.log.read_text(errors="surrogateescape")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.stop(grace=30)
