"""A capture in plain sentences, for the pages. Pure."""

import shlex
from datetime import datetime, timedelta

from app.model import Capture, State, Trigger
from app.web import durations
from app.web.languages import _

NOT_COMPLETED = {
    State.PENDING: "is held back",
    State.FAILED: "failed",
    State.SKIPPED: "was skipped",
    State.CANCELED: "was canceled",
}


def summary(capture: Capture) -> str:
    """The capture in one sentence, and its reason where it has one."""
    cause, process = cause_of(capture.trigger), _process(capture)
    if capture.reason:
        of = f" of {process}" if process else ""
        return (
            f"{cause}, but the capture{of} {NOT_COMPLETED.get(capture.state, 'ended early')}. {capture.reason.message}"
        )
    return f"{cause}: {process or 'the process'} {_done(capture)}"


def cause_of(trigger: Trigger) -> str:
    """`HighCPU fired`, or who asked for the capture."""
    if trigger.kind == "manual":
        return f"{trigger.by or 'Somebody'} asked for it"
    return f"{trigger.alertname or 'An alert without a name'} fired"


def _process(capture: Capture) -> str:
    target = capture.target
    if target is None:
        return ""
    pid = f" (pid {target.pid})" if target.pid else ""
    return f"{target.service or target.exe or 'a process'} on {target.host}{pid}"


def _done(capture: Capture) -> str:
    count = len(capture.artifacts)
    files = f"{count} file" + ("" if count == 1 else "s")
    return {
        State.PENDING: "is about to be recorded",
        State.RECORDING: f"is being recorded for {durations.say(capture.duration)}",
        State.COLLECTING: f"has been recorded, and its files are being collected: {files} so far",
        State.COMPLETED: f"was recorded for {_length(capture)}, {files} kept",
    }.get(capture.state, f"is {capture.state}")


def _length(capture: Capture) -> str:
    if capture.started_at and capture.stopped_at:
        seconds = max(round((capture.stopped_at - capture.started_at).total_seconds()), 1)
        return durations.say(timedelta(seconds=seconds))
    return durations.say(capture.duration)


def command(name: str, url: str, pprof: str = "go tool pprof") -> str:
    """The command line that opens the artifact of this name at `url`. The suffix decides: a goroutine
    profile may be a text. pprof: how pprof is called."""
    address = shlex.quote(url)
    if name.endswith(".pprof"):
        return f"{pprof} {address}"
    if name.endswith(".trace"):
        return f"curl -sO {address} && go tool trace {shlex.quote(name)}"
    return f"curl -s {address}"


def ago(moment: datetime, now: datetime) -> str:
    """`5m ago`: in the largest unit of which there are at least two."""
    seconds = max(int((now - moment).total_seconds()), 0)
    unit = next((unit for unit in (86400, 3600, 60) if seconds >= 2 * unit), 0)
    said = durations.say(timedelta(seconds=seconds // unit * unit)) if unit else f"{seconds}s"
    return _("%(time)s ago", time=said)
