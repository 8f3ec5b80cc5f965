"""An S3 server as a process: moto from PyPI, a strict one that keeps everything in memory.

It is no real store, but written by others from Amazon's documents. `make matrix` runs the same tests with versitygw, a
store in Go that checks signatures and checksums and keeps its objects as files. So does `make crash REPLICAS=3`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import httpx2
import obstore
from obstore.store import S3Store

from tests.lab import ports
from tests.lab.process import Process, eventually
from tests.lab.tools import from_go, from_pypi

MOTO, VERSITY = "moto[server]==5.2.5", "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
KEY, SECRET, REGION = "AKIALERTPROF", "wJalrXUtnFEMI/K7MDENG", "us-east-1"
BUCKET = "captures"


class S3:
    """A server on a port that is free, not started yet. real: versitygw. Raises tools.Unavailable where it cannot be
    had."""

    def __init__(self, folder: Path, *, real: bool = bool(os.environ.get("EVERY_SHELL"))) -> None:
        self.folder, self.port, self.real = folder, ports.free(), real
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{BUCKET}/team"
        self._command = self._versity() if real else self._moto()
        (secret := folder / "s3.secret").write_text(f"{SECRET}\n")
        self.options: Mapping[str, str] = {
            "endpoint": self.endpoint,
            "region": REGION,
            "access_key_id": KEY,
            "secret_access_key_file": str(secret),
        }

    def _moto(self) -> list[str]:
        return [str(from_pypi(MOTO) / "moto_server"), "-H", "127.0.0.1", "-p", str(self.port)]

    def _versity(self) -> list[str]:
        (root := self.folder / "objects").mkdir()
        at = ["--port", f"127.0.0.1:{self.port}", "--access", KEY, "--secret", SECRET, "--region", REGION]
        return [str(from_go(VERSITY)), *at, "posix", str(root)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the bucket."""
        with Process(self._command, self.folder / "s3.log", name="s3") as self.server:
            self.server.until(lambda: ports.is_open(self.port), "the S3 server listens")
            eventually(self._bucket, "there is a bucket")
            yield

    def _bucket(self) -> bool:
        if self.real:
            (self.folder / "objects" / BUCKET).mkdir(exist_ok=True)
            return True
        try:
            return httpx2.put(f"{self.endpoint}/{BUCKET}", timeout=60).is_success  # moto asks for no signature
        except httpx2.TransportError:
            return False

    def stored(self) -> set[str]:
        """The keys of all objects in the bucket, but for the marks of stores."""
        listed = (each["path"] for page in obstore.list(self._client) for each in page)
        return {path for path in listed if "/.ledger" not in path}

    def read(self, capture_id: str, name: str) -> bytes | None:
        """An artifact as the store has it, without alertprof; None: it has none."""
        try:
            return bytes(obstore.get(self._client, f"team/{capture_id}/{name}").bytes())
        except FileNotFoundError:
            return None

    @cached_property
    def _client(self) -> S3Store:
        return S3Store(
            BUCKET, endpoint=self.endpoint, region=REGION, access_key_id=KEY, secret_access_key=SECRET,
            client_options={"allow_http": True},
        )  # fmt: skip
