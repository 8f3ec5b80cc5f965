"""Files that the real profilers wrote, converted and taken apart again. Where they are from: tests/data/profiles."""

import re
from collections import Counter
from pathlib import Path

from app.analysis.convert import Format, convert
from app.analysis.profile import Profile, ValueType, read
from app.analysis.stacks import Options
from app.analysis.top import top

PROFILES = Path(__file__).parents[2] / "data" / "profiles"
FRAME_TYPE = re.compile(rb"_\[[0-9a-z]\](?=;|$)")  # jfrconv marks how a frame was compiled


def converted(format: Format, path: Path, sample: str = "") -> Profile:
    """The profile that a file becomes."""
    return read(convert(format, path, Options(sample=sample)).data)


def totals(profile: Profile) -> dict[tuple[str, str], int]:
    """The total of each sample type, by its name and unit, in their order."""
    return {(kind.type, kind.unit): top(profile, 1, kind.type).total for kind in profile.sample_types}


def flat(profile: Profile, sample_type: str | None = None) -> dict[str, int]:
    """The flat value of each function that has one."""
    return {row.function: row.flat for row in top(profile, 10_000, sample_type).rows if row.flat}


def folded(profile: Profile, sample_type: ValueType) -> dict[str, int]:
    """The values by their stacks of functions: `root;caller;leaf`."""
    message, at = profile.message, profile.sample_types.index(sample_type)
    names = {function.id: message.string_table[function.name].decode() for function in message.function}
    places = {each.id: ";".join(names[line.function_id] for line in each.line) for each in message.location}
    sums: Counter[str] = Counter()
    for sample in message.sample:
        sums[";".join(places[id] for id in reversed(sample.location_id))] += sample.value[at]
    return {stack: value for stack, value in sums.items() if value}


def told(path: Path) -> dict[str, int]:
    """The folded stacks that another converter wrote, without its marks."""
    sums: Counter[str] = Counter()
    for line in path.read_bytes().splitlines():
        stack, _, value = line.rpartition(b" ")
        sums[FRAME_TYPE.sub(b"", stack).decode()] += int(value)
    return dict(sums)
