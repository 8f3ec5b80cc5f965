"""The facts of an explanation as plain text. Pure; used by the modules of this package."""

from collections.abc import Iterable, Mapping

from app.gate.answers import Process
from app.hosts.known_hosts import entry
from app.hosts.route import Route
from app.intake.rules import Matcher
from app.model import Episode

NEW_ID = "00000000-0000-7000-8000-000000000000"  # the id of a capture that would be made
SHOWN = 100  # characters of a label's value


def mismatch(matcher: Matcher, labels: Mapping[str, str]) -> str:
    """`severity="critical", but severity is "warning"`"""
    if matcher.name not in labels:
        return f"{matcher}, but there is no label {shown(matcher.name)}"
    return f"{matcher}, but {shown(matcher.name)} is {quoted(labels[matcher.name])}"


def listed(matchers: Iterable[Matcher]) -> str:
    """`: a="1", b="2"`; empty without matchers."""
    texts = ", ".join(str(matcher) for matcher in matchers)
    return f": {texts}" if texts else ""


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What relabelling changed, one line per label."""
    names = sorted({*before, *after})
    return tuple(
        _difference(shown(name), before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    )


def _difference(name: str, old: str, new: str) -> str:
    if not new:
        return f"{name} is gone; it was {quoted(old)}"
    return f"{name} is {quoted(new)}" + (f"; it was {quoted(old)}" if old else ", which is new")


def repeat_of(capture_id: str, episode: Episode | None) -> str:
    """Why an alert is a repeat: it has a capture already. NEW_ID: of an alert before it in the message."""
    if capture_id == NEW_ID:
        return "a repeat of an alert before it in this message, which has the same fingerprint"
    state = episode.state.value if episode else "there"
    return (
        f"a repeat: capture {capture_id} ({state}) is this alert's. There is a new one when the alert has been "
        "resolved meanwhile, or its startsAt is later than that one's end plus the cooldown"
    )


def way_to(route: Route) -> str:
    """How a host would be reached: user, address, jump hosts, sudo, gate and known keys."""
    keys = len(route.known.pinned)
    places = ", ".join(dict.fromkeys(str(line.file) for line in route.known.pinned))
    parts = [f"as {route.user}@{entry(route.address, route.port)}"]
    jumps = [hop.shown for hop in route.hops[:-1]]
    parts += [f"through the jump host{'s' if len(jumps) > 1 else ''} {', then '.join(jumps)}"] if jumps else []
    parts += ["with sudo"] if route.options.become == "sudo" else []
    parts += ["by the gate that is installed there"] if route.options.gate == "installed" else []
    return f"{', '.join(parts)}; {keys} key{'s' if keys > 1 else ''} known in {places}"


def about(process: Process) -> Iterable[str]:
    """What a look at a process has shown, one fact per line."""
    yield f"pid {process.id.pid}: {shown(process.command) or '(no command line)'}"
    exe = shown(process.exe) or "cannot be seen"
    yield f"its executable is {exe}, its uid {process.uid}, it runs for {max(process.age, 0):.0f} s"
    if process.blocked:
        yield f"it is not signalled, since {process.blocked.message} (`alertprof unblock {process.blocked.id}`)"
    zero = f", go-zero {process.gozero_version}" if process.gozero_version else ""
    yield f"{process.go_version or 'no Go program'}{zero}"
    if process.free_bytes is not None:
        yield f"{process.free_bytes >> 20} MiB are free where its files would go"


def because(why: str) -> str:
    """The reason in parentheses; empty without one."""
    return f" ({why})" if why else ""


def shown(text: str) -> str:
    """The text, cut to SHOWN characters."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def quoted(text: str) -> str:
    """The text, cut and in double quotes."""
    return f'"{shown(text)}"'
