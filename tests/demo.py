"""`make demo`: an alert becomes a profile, on real parts, before your eyes.

A real sshd with throwaway keys, a Go service on go-zero, Prometheus, Alertmanager and alertprof, all on loopback and in
a temporary folder. Everything runs on until Ctrl-C; with --once it ends by itself, with exit code 0 only if the profile
named the hot function. Every process is gone at the end, whatever happened.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2

from tests.lab import golang
from tests.lab.process import Late, Process, eventually
from tests.lab.prometheus import Absent, Alertmanager, Prometheus, hasty_rules
from tests.lab.service import ENDS, Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service

HOT = ("main.checksum", "main.hotLoop")
MARK = "ALERTPROF_DEMO"  # in the environment of everything that the demo starts


class Failed(Exception):
    """What did not happen."""


class Screen:
    """Lines with the time since the beginning; on a terminal a counter line is written over."""

    def __init__(self) -> None:
        self.began, self.counted = time.monotonic(), 0.0

    def say(self, text: str) -> None:
        print(f"{self._clear()}{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def note(self, text: str) -> None:
        print(f"{self._clear()}          {text}", flush=True)

    def count(self, text: str) -> None:
        every = 0.5 if sys.stdout.isatty() else 15.0
        if time.monotonic() - self.counted >= every:
            self.counted = time.monotonic()
            print(f"{self._clear()}          … {text}", end="\r" if sys.stdout.isatty() else "\n", flush=True)

    def _clear(self) -> str:
        return "\x1b[2K" if sys.stdout.isatty() else ""


class Demo:
    def __init__(self, folder: Path, running: ExitStack, screen: Screen) -> None:
        self.folder, self.running, self.say, self.screen = folder, running, screen.say, screen

    def start(self) -> None:
        sshd = self.running.enter_context(Sshd(self.folder / "sshd"))
        self.say(f"sshd            {sshd.host}:{sshd.port}, with keys made just now")
        self.service = self.running.enter_context(Service(self._choice(), self.folder / "service"))
        self.say(f"service         {self.service.url}, pid {self.service.pid}, quiet so far")
        config = {
            "ssh": {
                "user": sshd.user,
                "port": sshd.port,
                "identity_file": str(sshd.client_key),
                "known_hosts_file": str(sshd.known_hosts),
            },
        }
        self.alertprof = self._alertprof(config)
        self.alertmanager = self.running.enter_context(Alertmanager(self.folder, self.alertprof.webhook))
        self.say(f"Alertmanager    {self.alertmanager.url}, posts to {self.alertprof.webhook}")
        self.prometheus = self._prometheus()

    def _choice(self) -> str:
        self.say("building the service on real go-zero v1.10.3 (the first time takes a minute)")
        try:
            golang.build("real-v1.10.3")
        except golang.Unavailable as reason:
            self.screen.note(str(reason))
            self.screen.note(
                "so it is the stand-in, which behaves as v1.10.3 does and says so in its build information"
            )
            return "timed"
        return "real-v1.10.3"

    def _alertprof(self, config: dict[str, Any]) -> Alertprof:
        # An agent's keys would be offered first, and one too many closes the connection.
        started = self.running.enter_context(Alertprof(self.folder, config, env={"SSH_AUTH_SOCK": ""}))
        self.say(f"alertprof       {started.url}")
        return started

    def _prometheus(self) -> Prometheus:
        rules = hasty_rules("5s", cores=0.5)
        started = self.running.enter_context(
            Prometheus(
                self.folder, instance=self.service.instance, job="orders", rules=rules, alertmanager=self.alertmanager
            )
        )
        self.say(f"Prometheus      {started.url}, scrapes the service every second")
        rule = rules["groups"][0]["rules"][0]
        self.screen.note(f"rule {rule['alert']}: {rule['expr']} for {rule['for']}")
        return started

    def follow(self) -> dict[str, Any]:
        """From the hot loop to the end of the capture, which is returned."""
        eventually(self._scraped, "Prometheus has scraped the service", within=30)
        self.service.hot()
        self.say("the service is hot now")
        eventually(lambda: self._rule_is("pending", "firing"), "the rule is pending", within=60)
        self.say("rule            pending")
        eventually(lambda: self._rule_is("firing"), "the rule fires", within=60)
        self.say("rule            firing: Prometheus tells Alertmanager")
        eventually(self.alertmanager.alerts, "the alert is at Alertmanager")
        self.say("alert           at Alertmanager, which posts it")
        created = eventually(self.alertprof.captures, "the webhook made a capture")[-1]
        self.say(f"webhook         recorded: capture {created['id']}")
        return self._watch(created["id"])

    def _scraped(self) -> bool:
        return bool(self.prometheus.get("/api/v1/query?query=process_cpu_seconds_total")["data"]["result"])

    def _rule_is(self, *states: str) -> bool:
        return self.prometheus.alert_states().get("ProcessCpuHigh") in states

    def suspect(self) -> Process:
        """Whose log to read after a failure: the part that has ended, or alertprof."""
        parts = [self.service.process, self.alertmanager.process, self.prometheus.process, self.alertprof.process]
        return next((part for part in parts if not part.alive), self.alertprof.process)

    def _watch(self, capture_id: str) -> dict[str, Any]:
        """Tells each new line of the capture's timeline, and counts while it records."""
        told, recording_since, end = 0, 0.0, time.monotonic() + 120
        while time.monotonic() < end:
            now = self.alertprof.capture(capture_id)
            for entry in now["timeline"][told:]:
                self.say(f"{entry['step']:<15} {entry['message']}")
            told = len(now["timeline"])
            if now["state"] in ENDS:
                return now
            if self.service.recording():
                recording_since = recording_since or time.monotonic()
                seconds = time.monotonic() - recording_since
                self.screen.count(f"recording {seconds:3.0f} s: it holds open {', '.join(sorted(self.service.held()))}")
            time.sleep(0.2)
        raise Failed(f"capture {capture_id} is still {now['state']}")

    def judge(self, capture: dict[str, Any]) -> None:
        """Shows the files and the top functions; Failed unless the hot function is among them."""
        if capture["state"] != "completed":
            raise Failed(f"the capture is {capture['state']}: {capture['reason']}")
        for artifact in capture["artifacts"]:
            self.screen.note(f"{artifact['size']:>10}  {artifact['kind']:<13} {self.alertprof.url}{artifact['href']}")
        answer = httpx2.get(f"{self.alertprof.url}/captures/{capture['id']}/top?kind=cpu&n=5").raise_for_status().json()
        self.say("top             flat     cum  function (CPU)")
        for row in answer["rows"]:
            self.screen.note(f"            {row['flat_percent']:6.1f}% {row['cum_percent']:6.1f}%  {row['function']}")
        if not any(row["function"] in HOT for row in answer["rows"]):
            raise Failed(f"the profile does not name {' or '.join(HOT)}")
        self.say(f"look at it      {self.alertprof.url}/ui/captures/{capture['id']}")


def on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def listen(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


@contextmanager
def stage() -> Iterator[tuple[Path, ExitStack]]:
    """A folder, and what runs in it; afterwards both are gone, undisturbed by a second Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="alertprof-demo-"))
    os.environ[MARK] = str(folder)
    running = ExitStack()
    listen(on_signal)
    try:
        yield folder, running
    finally:
        listen(signal.SIG_IGN)
        try:
            running.close()
        finally:
            end_survivors(str(folder))
            shutil.rmtree(folder, ignore_errors=True)


def end_survivors(mark: str) -> None:
    """Whatever carries our mark and was not ended in order, such as one that a signal caught at its birth."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            ours = f"{MARK}={mark}".encode() in environ.read_bytes().split(b"\0")
            if ours and int(environ.parent.name) != os.getpid():
                os.kill(int(environ.parent.name), signal.SIGKILL)
        except OSError:
            continue


def play(once: bool, screen: Screen) -> int:
    with stage() as (folder, running):
        demo = Demo(folder, running, screen)
        try:
            demo.start()
        except (Late, Absent, RuntimeError) as error:  # a part that does not start says so with the end of its log
            screen.say(f"FAILED          {error}")
            return 1
        try:
            demo.judge(demo.follow())
        except (Failed, Late, httpx2.HTTPError) as error:
            screen.say(f"FAILED          {error}")
            print(f"\nthe end of {demo.suspect().name}'s log:\n{demo.suspect().tail(30)}\n", flush=True)
            return 1
        if not once:
            screen.say("everything runs on; Ctrl-C ends it")
            with suppress(SystemExit):
                signal.pause()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="end by itself; exit code 0 only if the hot function is named"
    )
    screen = Screen()
    try:
        return play(parser.parse_args().once, screen)
    finally:
        screen.say("all processes have ended")


if __name__ == "__main__":
    sys.exit(main())
