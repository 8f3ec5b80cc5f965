"""One of the two profiles that are compared, reduced to what the comparison needs. For table.py and changes.py."""

from dataclasses import dataclass

from app.analysis.diff.sums import Sums, sums_of
from app.analysis.profile import BadProfile, Profile, ValueType
from app.analysis.shapes import kind_of
from app.analysis.top import index_of


@dataclass(frozen=True, slots=True)
class Side:
    """value_type: the compared one of sample_types. build_id: of the program, "" where the profile has none."""

    kind: str  # see shapes.kind_of
    value_type: ValueType
    sample_types: tuple[str, ...]
    duration_seconds: float | None
    build_id: str
    frames: tuple[str, str]  # what the profile says to drop and to keep
    sums: Sums

    @property
    def sample_type(self) -> str:
        """The name of value_type."""
        return self.value_type.type

    @property
    def total(self) -> int:
        """Of all samples, in the unit of value_type."""
        return self.sums.total.value


def side_of(profile: Profile, sample_type: str | None = None) -> Side:
    """The profile of the capture. sample_type: None means its default, or else its last. Raises BadProfile."""
    return _side(profile, index_of(profile, sample_type))


def base_of(profile: Profile, now: Side) -> Side:
    """The profile that `now` is compared with. Raises BadProfile if it is of another kind."""
    return _side(dropping(profile, now.frames), index_in_base(profile, now.value_type))


def dropping(profile: Profile, frames: tuple[str, str]) -> Profile:
    """The profile, with the frames dropped that the other one says, as in pprof: both are to be read alike."""
    return profile._replace(drop_frames=frames[0], keep_frames=frames[1])


def index_in_base(profile: Profile, wanted: ValueType) -> int:
    """The index of the sample type in the base. Raises BadProfile."""
    if wanted in profile.sample_types:
        return profile.sample_types.index(wanted)
    has = ", ".join(f"{each.type} in {each.unit}" for each in profile.sample_types) or "none"
    raise BadProfile(f"it has no sample type {wanted.type} in {wanted.unit} to compare with; it has {has}")


def _side(profile: Profile, index: int) -> Side:
    return Side(
        kind=kind_of(profile),
        value_type=profile.sample_types[index],
        sample_types=tuple(each.type for each in profile.sample_types),
        duration_seconds=profile.duration_seconds,
        build_id=next((each.build_id for each in profile.mapped if each.build_id), ""),
        frames=(profile.drop_frames, profile.keep_frames),
        sums=sums_of(profile, index),
    )
