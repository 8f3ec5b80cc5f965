"""An Azure Blob Storage server as a process: Azurite, Microsoft's own emulator, from npm. It checks signatures."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import httpx2
import obstore
from obstore.store import AzureStore

from tests.lab import npm, ports
from tests.lab.node import node
from tests.lab.process import Process, eventually

AZURITE = "azurite@3.35.0"
CONTAINER, ACCOUNT = "captures", "alertprof"
KEY = base64.b64encode(b"a key of thirty-two bytes or so").decode()


class Azurite:
    """A server on a port that is free, not started yet. Raises npm.Unavailable or node.Unavailable where it cannot be
    had."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.url = folder, ports.free(), f"az://{CONTAINER}/team"
        self.endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        program = npm.installed(AZURITE) / "azurite" / "dist" / "src" / "blob" / "main.js"
        (key := folder / "azure.key").write_text(f"{KEY}\n")
        self.options: Mapping[str, str] = {
            "endpoint": self.endpoint,
            "account_name": ACCOUNT,
            "account_key_file": str(key),
        }
        self._command = [
            str(node()), str(program), "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
            "--location", str(folder / "blobs"), "--silent", "--disableTelemetry", "--skipApiVersionCheck",
        ]  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the container."""
        env = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
        with Process(self._command, self.folder / "azurite.log", env=env, name="azurite") as server:
            server.until(lambda: ports.is_open(self.port), "Azurite listens", within=120)
            eventually(self._container, "there is a container")
            yield

    def _container(self) -> bool:
        said = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        named = "".join(f"{name}:{value}\n" for name, value in said.items())
        text = "PUT" + "\n" * 12 + f"{named}/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
        signed = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
        headers = {**said, "authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}"}
        url = f"{self.endpoint}/{CONTAINER}?restype=container"
        return httpx2.put(url, headers=headers, timeout=10).status_code in (201, 409)

    def stored(self) -> set[str]:
        """The keys of all objects in the container, but for the marks of stores."""
        client = AzureStore(
            CONTAINER, endpoint=self.endpoint, account_name=ACCOUNT, account_key=KEY,
            client_options={"allow_http": True},
        )  # fmt: skip
        return {each["path"] for page in obstore.list(client) for each in page if "/.ledger" not in each["path"]}
