"""A Chrome trace of calls, as `py-spy record --format chrometrace` writes it. For convert.py.

The events are those of Chrome's trace event format: a list, or an object with `traceEvents`. Calls begin with an event
of the phase B and end with one of the phase E, times are in microseconds. Events of other phases are passed over.
"""

from typing import Any, BinaryIO, Final

from app.analysis import json_file
from app.analysis.profile import BadProfile, ValueType
from app.analysis.spans import Spans
from app.analysis.speedscope import TIME
from app.analysis.stacks import Frame, Options, Stacks

MICROSECOND: Final = 1000  # nanoseconds


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks of all threads in `file`, in nanoseconds. options: `sample` is the name of what was measured. Calls
    that have no end in the file last until their thread's last event. Raises BadProfile with the event's number."""
    content = json_file.load(file)
    if isinstance(content, dict):
        content = content.get("traceEvents", "")
    kind = ValueType(options.sample or TIME, "nanoseconds")
    stacks, calls = Stacks(kind), 0
    threads: dict[str, Spans] = {}
    for number, value in enumerate(json_file.items(content, "no Chrome trace: it"), 1):
        event = json_file.fields(value, f"event {number}")
        phase = event.get("ph")
        if phase not in ("B", "E"):
            continue
        calls += 1
        spans = threads.setdefault(f"{event.get('pid')} {event.get('tid')}", Spans(stacks, kind))
        at = json_file.number(event.get("ts"), f"event {number}: ts", MICROSECOND)
        if phase == "B":
            spans.begin(number, at, _frame(event))
        else:
            spans.end(number, at)
    if content and not calls:
        raise BadProfile("a trace without calls: it has no events of the phases B and E")
    return stacks


def _frame(event: dict[str, Any]) -> Frame:
    arguments = event.get("args")
    place = arguments if isinstance(arguments, dict) else {}
    return Frame(
        json_file.text(event.get("name")), json_file.text(place.get("filename")), json_file.line(place.get("line"))
    )
