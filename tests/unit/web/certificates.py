"""Certificates for tests, made by openssl: an authority, a server of it, clients of it and of a stranger."""

import subprocess
from pathlib import Path


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """A certificate authority in `folder`, with the certificates that it has issued: NAME.pem and NAME.key."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.file = folder, folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        openssl("req", "-x509", *key(self.key), "-out", self.file, "-days", "2", "-subj", f"/CN={name}")

    def issue(self, name: str, sans: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> tuple[Path, Path]:
        """Certificate and key; what had that name is replaced."""
        cert, secret, request = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        (extensions := self.folder / f"{name}.ext").write_text(f"subjectAltName={sans}\n")
        openssl("req", *key(secret), "-out", request, "-subj", f"/CN={name}")
        signing = ("-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", str(days), "-extfile", extensions)
        openssl("x509", "-req", "-in", request, "-out", cert, *signing)
        return cert, secret


def key(file: Path) -> tuple[str | Path, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file)
