"""The known host keys, in OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

route.py reads them before a connection is made, and login.py checks the key that the server shows. Checking is always
strict, and nothing is ever added. paramiko's own reader knows neither wildcards nor the @-markers.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.errors import Code, Refused

log = logging.getLogger(__name__)

REVOKED, AUTHORITY = "@revoked", "@cert-authority"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `marker` is "", "@revoked" or "@cert-authority"; `names` as written; `kind` as "ssh-ed25519"."""

    file: Path
    number: int
    marker: str
    names: str
    kind: str
    key: bytes

    @property
    def place(self) -> str:
        return f"{self.file}:{self.number}"

    def about(self, name: str) -> bool:
        """Whether the line is about `name` (as entry() writes it)."""
        if self.names.startswith("|1|"):
            return _hashed(self.names, name)
        patterns = self.names.lower().split(",")
        if any(pattern.startswith("!") and _pattern(pattern[1:]).fullmatch(name) for pattern in patterns):
            return False
        return any(_pattern(pattern).fullmatch(name) for pattern in patterns if not pattern.startswith("!"))


def _hashed(field: str, name: str) -> bool:
    _, _, salt, digest = field.split("|", 3)
    try:
        mac = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return hmac.compare_digest(mac, base64.b64decode(digest))
    except binascii.Error:
        return False


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Only * and ? are special: brackets are part of "[host]:port"."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def entry(host: str, port: int) -> str:
    """How known_hosts writes a host: a port other than 22 is part of the name."""
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Known:
    """What the files say about one host. `name` as entry() writes it."""

    name: str
    files: tuple[Path, ...]
    pinned: tuple[Line, ...]
    revoked: tuple[Line, ...]
    authorities: tuple[Line, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of the pinned keys, to be asked for first."""
        return tuple(dict.fromkeys(line.kind for line in self.pinned))

    def require(self, host: str, unknown: Code = Code.HOST_UNKNOWN) -> None:
        """Raises Refused unless some key could be accepted; called before a connection is made. unknown: its code for
        a host without a key."""
        if any(not self._revocation(line.key) for line in self.pinned):
            return
        # a line "@revoked *" matches every host, so it is no sign that this one is known
        revoked = [line for line in self.revoked if self.pinned or line.names != "*"]
        if revoked:
            raise self._is_revoked(host, revoked[0])
        if self.authorities:
            raise self._authority_only(host)
        without = "; without allowed_hosts only known hosts are allowed" if unknown == Code.HOST_NOT_ALLOWED else ""
        raise Refused(unknown, f"host {host} is not known{without}: {self._how_to_know()}")

    def check(self, host: str, key: bytes) -> None:
        """Raises Refused(HOST_KEY_MISMATCH) unless `key`, which the server has shown, is pinned and not revoked."""
        if revocation := self._revocation(key):
            raise self._is_revoked(host, revocation)
        if all(line.key != key for line in self.pinned):
            raise Refused(
                Code.HOST_KEY_MISMATCH,
                f"host {host} showed the key {fingerprint(key)}, but {self.pinned[0].place} says another one: either "
                f"the host was set up anew or somebody else answers in its place. Compare the fingerprint with the "
                f"host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there); if it is right, replace the "
                f"line: ssh-keygen -f {self.pinned[0].file} -R '{self.name}', then ssh-keyscan",
            )

    def _revocation(self, key: bytes) -> Line | None:
        return next((line for line in self.revoked if line.key == key), None)

    def _is_revoked(self, host: str, line: Line) -> Refused:
        return Refused(
            Code.HOST_KEY_MISMATCH,
            f"the key {fingerprint(line.key)} of host {host} is revoked by {line.place}: give the host a new key and "
            f"add that one to {self.files[0]}",
        )

    def _authority_only(self, host: str) -> Refused:
        return Refused(
            Code.HOST_UNKNOWN,
            f"host {host} is known only by a certificate authority ({self.authorities[0].place}), and host "
            f"certificates cannot be verified here: {self._how_to_know()}",
        )

    def _how_to_know(self) -> str:
        bare, _, port = self.name.removeprefix("[").partition("]:")
        scan = f"ssh-keyscan -p {port} {bare}" if port else f"ssh-keyscan {bare}"
        file = self.files[0] if self.files else "known_hosts"
        return (
            f"there is no line for {self.name} in {', '.join(map(str, self.files))}. Run {scan} >> {file} and compare "
            f"the fingerprint (ssh-keygen -lf {file}) with the host's own"
        )


class KnownHosts:
    """The known_hosts files. Each is parsed once, and again when it has changed."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, ...], tuple[Line, ...]]] = {}
        self._lock = threading.Lock()

    def find(self, files: tuple[Path, ...], names: Iterable[str], revoked_keys: Path | None = None) -> Known:
        """What `files` say about the first of `names` for which they have a key. A line for any of the names may revoke
        a key.

        revoked_keys: ssh_config's RevokedHostKeys, for every host. Raises Refused where a file cannot be read.
        """
        lines = [line for file in files for line in self._lines(file)]
        found = [_known(files, name, lines) for name in dict.fromkeys(name.lower() for name in names)]
        best = next((one for one in found if one.pinned), next((one for one in found if one.authorities), found[0]))
        revoked = tuple(dict.fromkeys(line for one in found for line in one.revoked))
        revoked += tuple(revoked_by(revoked_keys)) if revoked_keys else ()
        return Known(best.name, files, best.pinned, revoked, best.authorities)

    def _lines(self, file: Path) -> tuple[Line, ...]:
        with self._lock:
            try:
                stat = file.stat()
                signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if file not in self._read or self._read[file][0] != signature:
                    self._read[file] = (signature, tuple(parse(file)))
            except FileNotFoundError:
                return ()
            except OSError as fault:
                raise Refused(Code.HOST_UNKNOWN, f"known hosts cannot be read: {file}: {fault.strerror}") from fault
            return self._read[file][1]


def _known(files: tuple[Path, ...], name: str, lines: Iterable[Line]) -> Known:
    mine = [line for line in lines if line.about(name)]
    pinned, revoked, authorities = (
        tuple(line for line in mine if line.marker == marker) for marker in ("", REVOKED, AUTHORITY)
    )
    return Known(name, files, pinned, revoked, authorities)


def parse(file: Path) -> Iterable[Line]:
    """The lines of a file. Like OpenSSH it skips lines that it cannot read, but it logs them."""
    authorities = []
    for number, text in enumerate(file.read_text(errors="replace").splitlines(), start=1):
        fields = text.split()
        if not fields or fields[0].startswith("#"):
            continue
        line = _line(file, number, fields)
        if line is None:
            log.warning("%s:%d: not a line of known_hosts, ignored", file, number)
            continue
        if line.marker == AUTHORITY:
            authorities.append(str(number))
        yield line
    if authorities:
        log.warning(
            "%s: host certificates cannot be verified here; the @cert-authority lines %s make no host known",
            file,
            ", ".join(authorities),
        )


def revoked_by(file: Path) -> Iterable[Line]:
    """The keys of a RevokedHostKeys file, one per line. Raises Refused for a file that cannot be read: as with ssh, no
    host key is trusted then."""
    try:
        text = file.read_bytes()
    except OSError as fault:
        raise _no_revocations(file, fault.strerror or "") from fault
    if text.startswith(b"SSHKRL\n"):
        raise _no_revocations(file, "it is a KRL; a list of public keys, one a line, is understood here")
    for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
        fields = line.split()
        if fields and not fields[0].startswith("#"):
            if not (found := _line(file, number, [REVOKED, "*", *fields])):
                raise _no_revocations(file, f"line {number} is no public key")
            yield found


def _no_revocations(file: Path, why: str) -> Refused:
    return Refused(
        Code.HOST_KEY_MISMATCH,
        f"the ssh configuration's RevokedHostKeys {file} cannot be used ({why}), so no host key is trusted",
    )


def _line(file: Path, number: int, fields: list[str]) -> Line | None:
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    try:
        names, kind, text, *_ = fields
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    well_formed = marker in ("", REVOKED, AUTHORITY) and key[4 : 4 + len(kind)] == kind.encode()
    well_formed = well_formed and (not names.startswith("|") or re.fullmatch(r"\|1\|[^|]+\|[^|]+", names) is not None)
    return Line(file, number, marker, names, kind, key) if well_formed else None
