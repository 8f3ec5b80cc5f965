"""The tool that asks for a capture. It is there only with --allow-capture."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from app.cli.client import Client
from app.cli.mcp.tool import Tool, given


class CaptureProcess(Tool):
    """Profile one process of a host now. It runs in production and costs it a little; every limit of the service holds.
    The answer is the new capture's id; get_report tells when it has ended."""

    name: ClassVar[str] = "capture_process"
    title: ClassVar[str] = "Profile a process"
    reads: ClassVar[bool] = False
    host: Annotated[str, Field(min_length=1, max_length=255, description="as an alert would name it")]
    pid: Annotated[int | None, Field(description="give exactly one of pid, process, unit, port, container")] = None
    process: Annotated[str, Field(description="the exact name or path of the executable")] = ""
    unit: Annotated[str, Field(description="the main process of this systemd unit")] = ""
    port: Annotated[int | None, Field(description="the process that listens on it")] = None
    container: Annotated[str, Field(description="its id, or its name in Docker or Podman")] = ""
    duration: Annotated[str, Field(description="how long to record: 1s to 10m")] = "30s"
    profiler: Annotated[str, Field(description="a kind; auto takes what fits")] = "auto"
    note: Annotated[str, Field(max_length=1000, description="why; kept with the capture")] = ""

    def answer(self, service: Client) -> Iterator[str]:
        """The id and what comes next."""
        made = service.ask("POST", "/capture", json=given(**self.model_dump()))
        yield f"The capture {made['id']} is {made['state']}; it records for {self.duration}. Read get_report then."
