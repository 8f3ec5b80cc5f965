"""A server for gs:// as a process: moto from PyPI, whose S3 has what clients of Google's XML API use of it.

fake-gcs-server is none: it takes no file by that API, by which obstore sends. moto speaks TLS here, with a certificate
that is made for it, since no credentials of Google's are sent in the clear; it asks for no signature.
"""

import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import patch

import httpx2
import obstore
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from obstore.store import GCSStore

from tests.lab import ports
from tests.lab.process import Process, eventually
from tests.lab.s3 import MOTO
from tests.lab.tools import from_pypi

BUCKET = "captures"
HOST = "127.0.0.1"


class Gcs:
    """A server on a port that is free, not started yet. Raises tools.Unavailable where it cannot be had."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.url = folder, ports.free(), f"gs://{BUCKET}/team"
        self.certificate, key = certified(folder)
        self.account = account(folder, f"https://{HOST}:{self.port}")
        self.options: Mapping[str, str] = {"service_account_file": str(self.account)}
        encrypted = ["--ssl-cert", str(self.certificate), "--ssl-key", str(key)]
        self._command = [str(from_pypi(MOTO) / "moto_server"), "-H", HOST, "-p", str(self.port), *encrypted]

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the bucket. The certificate is believed by clients that are made meanwhile."""
        with Process(self._command, self.folder / "gcs.log", name="gcs") as server, believed(self.certificate):
            server.until(lambda: ports.is_open(self.port), "the server for gs:// listens", within=60)
            eventually(self._bucket, "there is a bucket")
            yield

    def _bucket(self) -> bool:
        known = ssl.create_default_context(cafile=str(self.certificate))
        try:
            return httpx2.put(f"https://{HOST}:{self.port}/{BUCKET}", verify=known, timeout=10).is_success
        except httpx2.TransportError:
            return False

    def stored(self) -> set[str]:
        """The keys of all objects in the bucket, but for the marks of stores."""
        client = GCSStore(BUCKET, service_account_key=self.account.read_text())
        return {each["path"] for page in obstore.list(client) for each in page if "/.ledger" not in each["path"]}


@contextmanager
def believed(certificate: Path) -> Iterator[None]:
    """Clients of object stores that are made meanwhile believe this certificate and no others."""
    with patch.dict(os.environ, SSL_CERT_FILE=str(certificate)):
        yield


def account(folder: Path, base_url: str) -> Path:
    """The JSON file of a service account, with a key of its own, for a server at another address than Google's."""
    said = {
        "type": "service_account",
        "client_email": "alertprof@captures.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": pem(rsa.generate_private_key(65537, 2048)),
        "gcs_base_url": base_url,
    }
    (file := folder / "service_account.json").write_text(json.dumps(said))
    return file


def certified(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for HOST, valid for a day, and of its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_text(pem(key))
    return files


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """The key as text."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
