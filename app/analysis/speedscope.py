"""speedscope's own file format, as `py-spy record --format speedscope`, memray and others write it. For convert.py.

The fields are those of https://www.speedscope.app/file-format-schema.json: frames that all profiles share, and profiles
(of py-spy: threads) of samples with weights or of calls that begin and end. Stacks are root first.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from app.analysis import json_file
from app.analysis.profile import BadProfile, ValueType
from app.analysis.spans import Spans
from app.analysis.stacks import SAMPLES, Frame, Options, Stacks

TIME: Final = "time"  # the file does not say whether waiting is in it


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks of all profiles in `file`, in nanoseconds or bytes, and the numbers of samples. options: `sample` is
    the name of what was measured. Raises BadProfile with the place."""
    content = json_file.fields(json_file.load(file), "the file")
    shared = json_file.fields(content.get("shared"), "no file of speedscope: shared")
    frames = [_frame(frame, at) for at, frame in enumerate(json_file.items(shared.get("frames"), "shared.frames"))]
    stacks = Stacks(SAMPLES)
    profiles = [
        Profile(json_file.fields(value, f"profiles[{at}]"), f"profiles[{at}]", frames, options.sample)
        for at, value in enumerate(json_file.items(content.get("profiles"), "profiles"))
    ]
    tells_counts = any(profile.kind == SAMPLES for profile in profiles)  # as memray does, beside the bytes
    for profile in profiles:
        profile.add_to(stacks, {} if tells_counts else {SAMPLES: 1})
    return stacks


def _frame(value: Any, at: int) -> Frame:
    frame = json_file.fields(value, f"shared.frames[{at}]")
    return Frame(
        json_file.text(frame.get("name")), json_file.text(frame.get("file")), json_file.line(frame.get("line"))
    )


def _measured(unit: Any, name: str, where: str) -> tuple[ValueType, int]:
    """The sample type of a unit, and what to multiply by."""
    if factor := json_file.NANOSECONDS.get(unit if isinstance(unit, str) else ""):
        return ValueType(name or TIME, "nanoseconds"), factor
    if unit == "bytes":
        return ValueType(name or "space", "bytes"), 1
    if unit == "none":
        return SAMPLES, 1
    raise BadProfile(f"{where}.unit is none that speedscope knows")


class Profile:
    """One of the profiles in the file. where: its place. name: of what was measured. kind: its sample type."""

    def __init__(self, value: dict[str, Any], where: str, frames: list[Frame], name: str) -> None:
        self._value, self._where, self._frames = value, where, frames
        self.kind, self._factor = _measured(value.get("unit"), name, where)

    def add_to(self, stacks: Stacks, counted: Mapping[ValueType, int]) -> None:
        """Adds all its stacks. counted: what each sample is beside its weight. Raises BadProfile."""
        match self._value.get("type"):
            case "sampled":
                self._add_samples(stacks, counted)
            case "evented":
                self._add_events(stacks)
            case _:
                raise BadProfile(f"{self._where}.type is neither sampled nor evented")

    def _items(self, name: str) -> list[Any]:
        return json_file.items(self._value.get(name), f"{self._where}.{name}")

    def _add_samples(self, stacks: Stacks, counted: Mapping[ValueType, int]) -> None:
        samples, weights = self._items("samples"), self._items("weights")
        if len(samples) != len(weights):
            raise BadProfile(f"{self._where} has {len(samples)} samples, but {len(weights)} weights")
        for at, (sample, weight) in enumerate(zip(samples, weights, strict=True)):
            place = f"{self._where}.samples[{at}]"
            stack = [self._frame(each, place) for each in json_file.items(sample, place)]
            value = json_file.number(weight, f"{self._where}.weights[{at}]", self._factor)
            stacks.add(at + 1, stack[::-1], {**counted, self.kind: value})

    def _add_events(self, stacks: Stacks) -> None:
        spans, events = Spans(stacks, self.kind), self._items("events")
        for at, value in enumerate(events):
            place = f"{self._where}.events[{at}]"
            event = json_file.fields(value, place)
            time = json_file.number(event.get("at"), f"{place}.at", self._factor)
            match event.get("type"):
                case "O":
                    spans.begin(at + 1, time, self._frame(event.get("frame"), f"{place}.frame"))
                case "C":
                    spans.end(at + 1, time, self._frame(event.get("frame"), f"{place}.frame"))
                case _:
                    raise BadProfile(f"{place}.type is neither O nor C")
        if (end := self._value.get("endValue")) is not None:
            spans.finish(len(events), json_file.number(end, f"{self._where}.endValue", self._factor))

    def _frame(self, index: Any, place: str) -> Frame:
        return self._frames[json_file.index(index, self._frames, place)]
