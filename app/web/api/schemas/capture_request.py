"""What POST /capture takes, checked strictly."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.errors import Refused
from app.hosts.names import plain
from app.web import durations

WAYS_TO_NAME = ("pid", "process", "port", "unit", "container")
# Labels by which the resolvers find a process: a request names the process itself.
RESERVED_LABELS = frozenset({"host", "pid", "process", "instance", "groupname", "name", "unit", "id", "node"})
RESERVED_LABELS |= {"container_id", "container_name", "pod", "exported_pod"}


def valid_host(host: str) -> str:
    """The host's name or address in its normal form, as hosts.names.plain. Raises ValueError with a sentence."""
    try:
        return plain(host)
    except Refused as refusal:
        raise ValueError(refusal.reason.message) from None


def printable(text: str) -> str:
    """The text itself. Raises ValueError for control characters."""
    if not text.isprintable():
        raise ValueError("control characters are not allowed here")
    return text


def recording_time(text: str) -> str:
    """The text itself. Raises ValueError for what is no duration that may be recorded."""
    durations.recording(text)
    return text


Word = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(printable)]


class CaptureRequest(BaseModel):
    """What POST /capture takes: a host, one way to say which process, and how."""

    model_config = ConfigDict(extra="forbid", strict=True)

    host: Annotated[str, AfterValidator(valid_host), Field(description="as known_hosts names it")]
    pid: Annotated[int, Field(ge=2, le=4_194_304)] | None = None
    process: Annotated[Word, Field(description="the exact name or path of the executable")] | None = None
    port: Annotated[int, Field(ge=1, le=65_535, description="the process that listens on it")] | None = None
    unit: Annotated[Word, Field(description="the main process of that systemd unit")] | None = None
    container: (
        Annotated[Word, Field(description="by id (12 digits suffice), or by the name in Docker or Podman")] | None
    ) = None
    duration: Annotated[
        str,
        AfterValidator(recording_time),
        Field(description="1s to 10m; a go-zero that stops by itself (from v1.6.1 on) always takes 60s"),
    ] = "30s"
    profiler: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")] = "auto"
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    labels: Annotated[dict[Word, Annotated[str, StringConstraints(max_length=1024)]], Field(max_length=64)] = {}

    @model_validator(mode="after")
    def names_one_process(self) -> Self:
        """Raises ValueError unless exactly one way names the process, and no label would name another."""
        given = [way for way in WAYS_TO_NAME if getattr(self, way) is not None]
        if len(given) != 1:
            ways = f"{', '.join(WAYS_TO_NAME[:-1])} and {WAYS_TO_NAME[-1]}"
            raise ValueError(f"give exactly one of {ways}; this has {' and '.join(given) or 'none'}")
        if clash := sorted(
            name for name in self.labels if name in RESERVED_LABELS or name.startswith("container_label_")
        ):
            raise ValueError(
                f"the label {clash[0]} would say which process it is; say that with host and {', '.join(WAYS_TO_NAME)}"
            )
        return self

    def target_labels(self) -> dict[str, str]:
        """The labels by which the resolvers find the process."""
        if self.pid is not None:
            return {"host": self.host, "pid": str(self.pid)}
        if self.port is not None:
            return {"instance": f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"}
        if self.unit is not None:
            return {"host": self.host, "unit": self.unit if "." in self.unit else f"{self.unit}.service"}
        if self.container is not None:
            by_id = re.fullmatch(r"[0-9a-f]{12,64}", self.container, re.ASCII)
            return {"host": self.host, "container_id" if by_id else "container_name": self.container}
        return {"host": self.host, "process": self.process or ""}
