"""A capture in plain sentences, for the pages. Pure."""

import re
import shlex
from datetime import datetime, timedelta
from typing import Final

from app.model import Capture, State, Trigger
from app.web import durations
from app.web.languages import _, marked, ngettext
from app.web.pages.states import state_in_words
from app.web.pages.stored import reason_sentence

PAUSED: Final = re.compile(r"paused since ([\d :-]+) UTC by (.*)", re.DOTALL)  # as ledger/switches.py writes it
NOT_COMPLETED: Final = {
    State.PENDING: marked("is held back"),
    State.FAILED: marked("failed"),
    State.SKIPPED: marked("was skipped"),
    State.CANCELED: marked("was canceled"),
}
EARLY: Final = marked("ended early")


def summary(capture: Capture) -> str:
    """The capture in one sentence, and its reason where it has one."""
    cause, process = cause_of(capture.trigger), _process(capture)
    if capture.reason is None:
        done = _done(capture)
        return _("%(cause)s: %(process)s %(done)s", cause=cause, process=process or _("the process"), done=done)
    became = _(NOT_COMPLETED.get(capture.state, EARLY))
    if process:
        text = _("%(cause)s, but the capture of %(process)s %(became)s.", cause=cause, process=process, became=became)
    else:
        text = _("%(cause)s, but the capture %(became)s.", cause=cause, became=became)
    return f"{text} {reason_sentence(capture.reason)}"


def cause_of(trigger: Trigger) -> str:
    """`HighCPU fired`, or who asked for the capture."""
    if trigger.kind == "manual":
        return _("%(who)s asked for it", who=trigger.by or _("Somebody"))
    return _("%(alert)s fired", alert=trigger.alertname or _("An alert without a name"))


def _process(capture: Capture) -> str:
    target = capture.target
    if target is None:
        return ""
    told = {"name": target.service or target.exe or _("a process"), "host": target.host}
    if target.pid:
        return _("%(name)s on %(host)s (pid %(pid)s)", pid=target.pid, **told)
    return _("%(name)s on %(host)s", **told)


def _done(capture: Capture) -> str:
    count = len(capture.artifacts)
    files = ngettext("%(n)s file", "%(n)s files", count)
    match capture.state:
        case State.PENDING:
            return _("is about to be recorded")
        case State.RECORDING:
            return _("is being recorded for %(time)s", time=durations.say(capture.duration))
        case State.COLLECTING:
            return _("has been recorded, and its files are being collected: %(files)s so far", files=files)
        case State.COMPLETED:
            return _("was recorded for %(time)s, %(files)s kept", time=_length(capture), files=files)
        case state:
            return _("is %(state)s", state=state_in_words(state))


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


def paused_in_words(text: str) -> str:
    """The ledger's sentence about a pause, in the reader's language."""
    if told := PAUSED.fullmatch(text):
        return _("Captures are paused since %(time)s UTC by %(who)s.", time=told[1], who=told[2])
    return _("Captures are %(paused)s.", paused=text)
