"""Profiles of the OpenTelemetry protocol, as async-profiler 4.5 (`-o otlp`) and exporters write them. For convert.py.

Field numbers are those of opentelemetry/proto/profiles/v1development/profiles.proto since opentelemetry-proto 1.10: all
profiles share one dictionary, and a sample points to a stack in it. The message is ProfilesData or an export request,
which have the same fields. In earlier layouts a sample points to a range of locations.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO, Final

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from app.analysis.profile import LIMIT, BadProfile, ValueType
from app.analysis.schema import message_class
from app.analysis.stacks import CPU, SAMPLES, Frame, Options, Stacks

FIELDS: Final = {
    "ProfilesData": (("resource_profiles", 1, "*ResourceProfiles"), ("dictionary", 2, "Dictionary")),
    "ResourceProfiles": (("scope_profiles", 2, "*ScopeProfiles"),),
    "ScopeProfiles": (("profiles", 2, "*Profile"),),
    "Profile": (
        ("sample_type", 1, "ValueType"),
        ("samples", 2, "*Sample"),
        ("time_unix_nano", 3, "fixed64"),
        ("period_type", 5, "ValueType"),
        ("period", 6, "int64"),
    ),
    "ValueType": (("type", 1, "int32"), ("unit", 2, "int32")),
    "Sample": (("stack", 1, "int32"), ("values", 4, "*int64"), ("timestamps", 5, "*fixed64")),
    "Dictionary": (
        ("mappings", 1, "*Mapping"),
        ("locations", 2, "*Location"),
        ("functions", 3, "*Function"),
        ("strings", 5, "*bytes"),
        ("stacks", 7, "*Stack"),
    ),
    "Stack": (("locations", 1, "*int32"),),
    "Mapping": (("filename", 4, "int32"),),
    "Location": (("mapping", 1, "int32"), ("address", 2, "uint64"), ("lines", 3, "*Line")),
    "Line": (("function", 1, "int32"), ("line", 2, "int64")),
    "Function": (("name", 1, "int32"), ("system_name", 2, "int32"), ("filename", 3, "int32")),
}
CPU_ENGINES: Final = frozenset({"perf_events", "ctimer", "itimer"})  # async-profiler's names, where others say cpu
OLDER: Final = 3  # a field that was a list: of a profile the locations, of a sample its values, later its attributes
LISTED: Final = 2  # the wire type of a list
NANOSECONDS: Final = {"ns": 1, "nanoseconds": 1, "us": 10**3, "microseconds": 10**3, "ms": 10**6, "milliseconds": 10**6,
                      "s": 10**9, "seconds": 10**9}  # fmt: skip


@cache
def _message() -> Any:
    return message_class("alertprof.otlp", FIELDS, "ProfilesData")


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks of all profiles in `file`. Times are in nanoseconds; samples that are only counted get the time of
    their period, if that is a time that no profile of the file tells itself. Raises BadProfile."""
    del options  # the file tells
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
    message = _message()()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise BadProfile("no profiles of OTLP: no protobuf message of that kind") from error
    profiles = list(_profiles(message))
    if not profiles:
        raise BadProfile("no profiles of OTLP: no resource has any")
    _refuse_older(message, profiles)
    return Reader(message.dictionary).stacks(profiles)


def _profiles(message: Any) -> Iterator[Any]:
    for resource in message.resource_profiles:
        for scope in resource.scope_profiles:
            yield from scope.profiles


def _refuse_older(message: Any, profiles: list[Any]) -> None:
    samples = (sample for profile in profiles for sample in profile.samples[:1])
    if not message.dictionary.strings or any(map(_is_older, profiles)) or any(map(_is_older_sample, samples)):
        raise BadProfile(
            "profiles of OTLP in an earlier layout than that of opentelemetry-proto 1.10: update what wrote them "
            "(async-profiler: 4.5), or have it write another format"
        )


def _is_older(message: Any) -> bool:
    unknown: Any = UnknownFieldSet(message)
    return any(each.field_number == OLDER and each.wire_type == LISTED for each in unknown)


def _is_older_sample(sample: Any) -> bool:
    return _is_older(sample) or not (sample.values or sample.timestamps)


class Reader:
    """Reads by one dictionary. Its lists begin with an empty value that stands for none."""

    def __init__(self, dictionary: Any) -> None:
        self._of = dictionary
        self._frames: dict[int, list[Frame]] = {}

    def stacks(self, profiles: list[Any]) -> Stacks:
        """All samples. Raises BadProfile for what the dictionary does not have."""
        measured = [self._measured(profile) for profile in profiles]
        own = {kind for kind, _ in measured}
        stacks = Stacks(*dict.fromkeys(kind for kind, _ in measured))
        for number, (profile, (kind, factor)) in enumerate(zip(profiles, measured, strict=True), 1):
            timed, period = self._period(profile) if kind == SAMPLES else (SAMPLES, 0)
            for sample in profile.samples:
                value = sum(sample.values) * factor if sample.values else len(sample.timestamps)
                time = {timed: value * period} if period and timed not in own else {}
                stacks.add(number, self._stack(sample.stack), {kind: value} | time)
        return stacks

    def _measured(self, profile: Any) -> tuple[ValueType, int]:
        """The sample type, and what to multiply by. Counts of what the period measures are samples."""
        kind, factor = self._type(profile.sample_type)
        counts_periods = kind.unit == "count" and (
            kind.type in ("", "samples") or profile.sample_type.type == profile.period_type.type
        )
        return (SAMPLES if counts_periods else kind), factor

    def _period(self, profile: Any) -> tuple[ValueType, int]:
        """What one sample stands for; 0 if that is unknown or no time."""
        kind, factor = self._type(profile.period_type)
        return kind, profile.period * factor if kind.unit == CPU.unit and profile.period > 1 else 0

    def _type(self, value: Any) -> tuple[ValueType, int]:
        name, unit = (
            self._text(value.type).decode("utf-8", "replace"),
            self._text(value.unit).decode("utf-8", "replace"),
        )
        if factor := NANOSECONDS.get(unit):
            return CPU if name in CPU_ENGINES else ValueType(name, CPU.unit), factor
        return ValueType(name, unit), 1

    def _stack(self, index: int) -> list[Frame]:
        """Leaf first."""
        stack = self._at("stacks", index)
        return [frame for location in stack.locations for frame in self._location(location)]

    def _location(self, index: int) -> list[Frame]:
        """Inlined functions before those that call them; without symbols the file and the address."""
        if index not in self._frames:
            location = self._at("locations", index)
            lines = [self._line(line) for line in location.lines]
            self._frames[index] = lines or [self._address(location)]
        return self._frames[index]

    def _line(self, line: Any) -> Frame:
        function = self._at("functions", line.function)
        name = self._text(function.name) or self._text(function.system_name)
        return Frame(name, self._text(function.filename), line.line if 0 < line.line < 1 << 31 else 0)

    def _address(self, location: Any) -> Frame:
        file = self._text(self._at("mappings", location.mapping).filename) if self._of.mappings else b""
        return Frame(b"%s+0x%x" % (file.rpartition(b"/")[2] or b"[unknown]", location.address), file)

    def _text(self, index: int) -> bytes:
        return bytes(self._at("strings", index))

    def _at(self, table: str, index: int) -> Any:
        values = getattr(self._of, table)
        if not 0 <= index < len(values):
            raise BadProfile(f"the dictionary has no {table}[{index}]")
        return values[index]
