"""A Chrome trace of calls, as `py-spy record --format chrometrace`, VizTracer and Chrome write it. For convert.py.

The events are those of Chrome's trace event format: a list, or an object with `traceEvents`. A call is two events, of
the phases B and E, or one of the phase X with its duration; times are in microseconds, in any order. Events of other
phases are passed over. As the format has it, the list may lack its end: the process was killed.
"""

from typing import Any, BinaryIO, Final

from app.analysis import json_file
from app.analysis.calls import Calls
from app.analysis.profile import BadProfile, ValueType
from app.analysis.speedscope import TIME
from app.analysis.stacks import Frame, Options, Stacks

MICROSECOND: Final = 1000  # nanoseconds


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks of all threads in `file`, in nanoseconds. options: `sample` is the name of what was measured. Calls
    that have no end in the file last until their thread's last event. Raises BadProfile with the event's number."""
    content = json_file.load(file, list_may_lack_its_end=True)
    if isinstance(content, dict):
        content = content.get("traceEvents", "")
    threads: dict[str, Calls] = {}
    for number, value in enumerate(json_file.items(content, "no Chrome trace: it"), 1):
        event = json_file.fields(value, f"event {number}")
        if event.get("ph") in ("B", "E", "X"):
            _add(threads.setdefault(f"{event.get('pid')} {event.get('tid')}", Calls()), number, event)
    if content and not any(thread.begun for thread in threads.values()):
        raise BadProfile("a trace without calls: no event of the phases B and X begins one")
    stacks = Stacks(kind := ValueType(options.sample or TIME, "nanoseconds"))
    lost = sum(thread.add_to(stacks, kind) for thread in threads.values())
    if lost:
        stacks.note = f"calls that overlap, and ends of calls without a begin, are cut or left out: {lost}"
    return stacks


def _add(thread: Calls, number: int, event: dict[str, Any]) -> None:
    at = json_file.number(event.get("ts"), f"event {number}: ts", MICROSECOND)
    match event["ph"]:
        case "B":
            thread.begin(number, at, _frame(event))
        case "E":
            thread.end(number, at, json_file.text(event.get("name")))
        case _:
            duration = json_file.number(event.get("dur", event.get("tdur", 0)), f"event {number}: dur", MICROSECOND)
            if duration < 0:
                raise BadProfile(f"event {number}: dur is negative")
            thread.whole(number, at, at + duration, _frame(event))


def _frame(event: dict[str, Any]) -> Frame:
    arguments = event.get("args")
    place = arguments if isinstance(arguments, dict) else {}
    return Frame(
        json_file.text(event.get("name")), json_file.text(place.get("filename")), json_file.line(place.get("line"))
    )
