"""What is stored of a file that was fetched: without secrets where it is text that may have some, else as it came."""

import gzip
from pathlib import Path

import pytest

from app.captures.secrets import without_secrets
from app.model import Kind
from app.profilers.base import Fetched
from app.redaction import BUILT_IN, Redaction

DUMP = b'goroutine 1 [running] {pin: 1234, api_token: "a b"}:\nmain.token(0x1)\n\t/a.go:3 password=x\n\n'
SAFE = DUMP.replace(b'"a b"', b'"[redacted]"')


def kept(kind: Kind, content: bytes, folder: Path, rules: Redaction = BUILT_IN, suffix: str = "") -> bytes:
    """What is stored; its size is told rightly."""
    (path := folder / "file").write_bytes(content)
    file = without_secrets(Fetched(kind, path, len(content), suffix=suffix), rules)
    assert (file.kind, file.suffix, file.size) == (kind, suffix, file.path.stat().st_size)
    return file.path.read_bytes()


def test_labels_of_a_dump_and_all_of_a_log_lose_their_secrets(tmp_path: Path) -> None:
    assert kept(Kind.GOROUTINE, DUMP, tmp_path) == SAFE
    assert kept(Kind.GOROUTINELEAK, DUMP, tmp_path, suffix=".txt") == SAFE
    own = Redaction(names=("pin",))
    assert kept(Kind.GOROUTINE, DUMP, tmp_path, own) == SAFE.replace(b"1234", b"[redacted]")
    log = b"\xff -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\npassword=x\n"
    assert kept(Kind.LOG, log, tmp_path) == (
        b"\xff -----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\npassword=[redacted]\n"
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.LOG])
def test_profiles_and_files_of_other_profilers_are_kept_byte_for_byte(kind: Kind, tmp_path: Path) -> None:
    packed = gzip.compress(b"# labels: password=x\n")
    assert kept(kind, packed, tmp_path) == packed
    text = b"main;password=x 7\n"
    assert kept(kind, text, tmp_path) == text
