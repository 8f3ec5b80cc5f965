"""`alertprof mcp` over stdio with the official SDK's client, beside a real service and sshd."""

import sys
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import TextContent

from tests.faults.expected import FAULTS
from tests.faults.line import running
from tests.integration.scene import Scene


def test_an_agent_captures_reads_and_is_told_when_the_service_is_gone(tmp_path: Path) -> None:
    with (
        Scene(tmp_path, duration="2s") as scene,
        running("patterns", tmp_path / "patterns", warming=0) as service,
        (tmp_path / "mcp.log").open("w") as log,
    ):
        words = ["-m", "app", "mcp", "--allow-capture", "--url", scene.service.url]
        transport = stdio_client(StdioServerParameters(command=sys.executable, args=words), errlog=log)
        anyio.run(journey, transport, scene, service.pid)
    assert "Traceback" not in (tmp_path / "mcp.log").read_text()


async def journey(transport: Any, scene: Scene, pid: int) -> None:
    guilty = FAULTS["patterns"].guilty[0]
    async with Client(transport) as client:

        async def call(tool: str, **arguments: Any) -> tuple[bool, str]:
            result = await client.call_tool(tool, arguments)
            (only,) = result.content
            assert isinstance(only, TextContent)
            return bool(result.is_error), only.text

        assert client.server_info is not None and client.server_info.name == "alertprof"
        assert "capture_process" in [tool.name for tool in (await client.list_tools()).tools]
        failed, said = await call("capture_process", host="127.0.0.1", pid=pid, duration="4s", note="an agent")
        assert not failed, said
        capture_id = said.partition("The capture ")[2].split()[0]
        until = time.monotonic() + 120
        while ": completed" not in (report := await call("get_report", id=capture_id))[1]:
            assert time.monotonic() < until, report
            await anyio.sleep(0.3)
        assert guilty in report[1]
        assert capture_id in (await call("list_captures", state="completed", since="1h"))[1]
        assert "flat%" in (await call("top_functions", id=capture_id, n=100))[1]
        failed, calls = await call("callers_and_callees", id=capture_id[:13], function=guilty)
        assert not failed and "  caller " in calls and "  callee " in calls
        assert "compared with itself" in (await call("diff_captures", base=capture_id, id=capture_id))[1]
        assert (await call("get_report", id="none"))[0]

        scene.service.kill9()
        failed, said = await call("get_report", id=capture_id)
        assert failed and f"alertprof at {scene.service.url} does not answer" in said
        scene.service.restart()
        assert not (await call("get_report", id=capture_id))[0], "it goes on when the service is back"
