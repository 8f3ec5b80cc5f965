"""The profilers by kind, and the one that a capture was given. Called by the steps, by explain and by doctor."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from app.errors import Code, Refused
from app.model import Capture
from app.plugins import from_plain, kinds, to_plain
from app.profilers.base import Profiler, ProfilerSpec, Selection

PROFILER, BESIDES = "profiler", "besides"  # the keys in a capture's notes


def spec_of(kind: str) -> ProfilerSpec:
    """The profiler of a kind, without options. Raises Refused if there is none, or if it needs options."""
    there = kinds("app.profilers", ProfilerSpec)
    if kind not in there:
        raise Refused(Code.NO_PROFILER, f"there is no profiler {kind!r}; there are {', '.join(sorted(there))}")
    if needed := required_options(there[kind]):
        raise Refused(Code.NO_PROFILER, f"the profiler {kind} needs {', '.join(needed)}: only a rule can say them")
    spec: ProfilerSpec = there[kind]()
    return spec


def required_options(spec: type[ProfilerSpec]) -> list[str]:
    """The options that have no default."""
    return [option.name for option in fields(spec) if option.default is option.default_factory is MISSING]  # type: ignore[arg-type]


def named_alone() -> frozenset[str]:
    """The kinds that can be asked for by name, since they need no options.

    Loads every kind, so that the service reads no module later: it may be replaced on disk while it runs."""
    there = kinds("app.profilers", ProfilerSpec)
    return frozenset(kind for kind, spec in there.items() if not required_options(spec))


def profiler_note(selection: Selection) -> Mapping[str, Any]:
    """The notes by which `profiler_of` and `besides_of` find the profilers again, with the options that they have."""
    besides = {BESIDES: to_plain(selection.besides)} if selection.besides else {}
    return {PROFILER: to_plain(selection.profiler), **besides}


def profiler_of(capture: Capture) -> Profiler:
    """The profiler that was chosen for the capture. Raises Refused if none was."""
    if PROFILER not in capture.notes:
        raise Refused(Code.NO_PROFILER, f"capture {capture.id} was started without a profiler")
    return _profiler(capture, PROFILER)


def besides_of(capture: Capture) -> Profiler | None:
    """The profiler whose files are to be taken before the recording is started, if there is one."""
    return _profiler(capture, BESIDES) if BESIDES in capture.notes else None


def besides_done(capture: Capture) -> Capture:
    """The capture once those files were taken, or could not be."""
    return replace(capture, notes={key: note for key, note in capture.notes.items() if key != BESIDES})


def _profiler(capture: Capture, key: str) -> Profiler:
    profiler: Profiler = from_plain("app.profilers", Profiler, capture.notes[key])
    return profiler
