"""Each file of a capture to an HTTP server: PUT or POST of its bytes, as object stores and artifact repositories take
them."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.model import Artifact, Kind
from app.notifiers.base import Notification, Undelivered
from app.notifiers.endpoint import Endpoint, below
from app.notifiers.templates import check_template
from app.notifiers.texts import PATH, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Endpoint):
    """path: a template that is added to the address, for each file; method: PUT or POST; kinds: of the files that are
    sent, by default all."""

    archives: ClassVar[bool] = True

    path: str = PATH
    method: Literal["PUT", "POST"] = "PUT"
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Endpoint.__post_init__(self)
        check_template("path", self.path, "url")
        if strange := sorted(set(self.kinds) - set(Kind)):
            raise ValueError(f"kinds: there is no {strange[0]}; there are {', '.join(Kind)}")

    def tell(self, notification: Notification) -> None:
        """Sends every file; all of them again after a fault, to the same addresses."""
        for artifact in notification.capture.artifacts:
            if not self.kinds or artifact.kind in self.kinds:
                self._send(notification, artifact)

    def _send(self, notification: Notification, artifact: Artifact) -> None:
        path = text_of(self.path, "url", notification, artifact=shown(artifact))
        if re.search(r"(^|/)\.{1,2}(/|$)", path) or not path.startswith("/"):
            raise Undelivered(f"path makes {path[:100]!r}; it has to begin with / and to lead nowhere else", final=True)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(artifact.size),
            "Idempotency-Key": f"{notification.key}/{artifact.name}",
            "Repr-Digest": f"sha-256=:{base64_of(artifact.sha256)}:",
        }
        try:
            self.send(self.method, below(self.address(), path), notification.read(artifact), headers)
        except OSError as fault:
            raise Undelivered(f"{artifact.name} cannot be read: {fault}") from fault


def shown(artifact: Artifact) -> dict[str, str | int]:
    """The artifact as a template sees it."""
    return {"name": artifact.name, "kind": artifact.kind.value, "size": artifact.size, "sha256": artifact.sha256}


def base64_of(hexadecimal: str) -> str:
    """A digest as a structured header field has it (RFC 9530)."""
    return b64encode(bytes.fromhex(hexadecimal)).decode()
