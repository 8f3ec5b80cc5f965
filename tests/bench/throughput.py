"""How many messages of one alert a second are acknowledged, each durably recorded before, against a bare route that
only validates them. Servers on one core, wrk on another; whoever is not measured stands still.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.flood import processor_seconds
from tests.bench.openssh import needed
from tests.bench.rounds import Goal, Group, Unmeasured, rounds
from tests.integration.scene import alert, message
from tests.lab import ports
from tests.lab.process import Process
from tests.lab.service import Alertprof

BARE, TWIN = "bare FastAPI route", "bare FastAPI route (again)"
REPEATS, FRESH = "alertprof, repeats", "alertprof, every alert a new one"
CONNECTIONS = 16
RULES = [{"name": "another", "matchers": ["alertname=Another"], "duration": "1s"}]  # rows are made, captures are not

SCRIPT = """
local head, tail, run, count = %s, %s, %s, 0
wrk.method, wrk.headers["content-type"] = "POST", "application/json"
function request()
  count = count + %d
  return wrk.format(nil, "/webhook", nil, head .. run .. string.format("%%08x", count) .. tail)
end
"""


def measure(folder: Path, *, quick: bool) -> tuple[Group, Group]:
    wrk, cores = needed("wrk", "wrk"), sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Unmeasured("one core is not enough: the servers and wrk need one each")
    with ExitStack() as within:
        with pinned(cores[0]):
            servers = started(folder, within)
        ask = asking(wrk, folder, cores[1], 1 if quick else 3)
        for server in servers.values():
            halt(server)
            within.callback(go_on, server)
        by_processor: dict[str, list[float]] = {}

        def asked(name: str, server: str, *, new: bool) -> float:
            answered, seconds = ask(servers[server], new=new)
            by_processor.setdefault(name, []).append(answered / seconds)
            return answered / (1 if quick else 3)

        count = 3 if quick else 6
        series = rounds(
            {
                BARE: lambda: asked(BARE, BARE, new=True),
                TWIN: lambda: asked(TWIN, BARE, new=True),
                REPEATS: lambda: asked(REPEATS, REPEATS, new=False),
                FRESH: lambda: asked(FRESH, FRESH, new=True),
            },
            count,
        )
    title = f"Acknowledgement: messages of one alert a second, {CONNECTIONS} connections, servers on one core"
    goals = (Goal(REPEATS, BARE, 0.8, at_least=True), Goal(FRESH, BARE, 0.6, at_least=True))
    used = {name: values[-count:] for name, values in by_processor.items()}
    return (
        Group(title, "req/s", series, BARE, goals, BARE, TWIN),
        Group("The same: messages a second of the server's processor time", "req/s", used, BARE, goals, BARE, TWIN),
    )


class Server:
    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port


def started(folder: Path, within: ExitStack) -> dict[str, Server]:
    port = ports.free()
    bare = within.enter_context(Process([sys.executable, "-m", "tests.bench.bare", str(port)], folder / "bare.log"))
    bare.until(lambda: ports.is_open(port), "the bare route answers")
    servers = {BARE: Server(bare, port)}
    for number, name in enumerate((REPEATS, FRESH)):
        home = folder / f"alertprof-{number}"
        home.mkdir()
        service = within.enter_context(Alertprof(home, {"rules": RULES}))
        servers[name] = Server(service.process, service.port)
    return servers


def asking(wrk: str, folder: Path, core: int, seconds: int) -> Callable[..., tuple[float, float]]:
    """How many messages were acknowledged, and how much processor time the server used for them."""

    def ask(server: Server, *, new: bool) -> tuple[float, float]:
        script = folder / "wrk.lua"
        script.write_text(lua(new=new))
        words = ("-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{server.port}")
        before = processor_seconds(server.process.pid)
        go_on(server)
        with pinned(core):
            said = subprocess.run([wrk, *words], check=True, capture_output=True, text=True).stdout
        halt(server)
        return acknowledged(said), processor_seconds(server.process.pid) - before

    return ask


def lua(*, new: bool) -> str:
    """The body in front of the alert's fingerprint's last half, what comes after it, and whether that half counts."""
    text = json.dumps(message([alert("F" * 16, instance="10.0.0.5:9100", job="order-mq", severity="critical")]))
    head, tail = text.split("F" * 16)
    return SCRIPT % (quoted(head), quoted(tail), quoted(secrets.token_hex(4)), int(new))


def quoted(text: str) -> str:
    return "[==[" + text + "]==]"


def acknowledged(said: str) -> float:
    if "Non-2xx" in said or "Socket errors" in said:
        raise Unmeasured(f"not every message was acknowledged:\n{said}")
    found = re.search(r"([0-9]+) requests in", said)
    if not found:
        raise Unmeasured(f"wrk says nothing of requests:\n{said}")
    return float(found[1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started meanwhile stays on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def halt(server: Server) -> None:
    os.killpg(server.process.pid, signal.SIGSTOP)


def go_on(server: Server) -> None:
    os.killpg(server.process.pid, signal.SIGCONT)
