"""The facts in a file of a capture that findings are made of, small enough to be handed on as JSON. For child.py.

Files of other programs than Go's have none.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from app.analysis.charges import Charge, Charges, charges, is_go
from app.analysis.goroutines import Group, Place, of_dump, of_profile
from app.analysis.profile import LIMIT, BadProfile, Profile, read_file
from app.analysis.shapes import CONTENTION, kind_of

DUMP: Final = b"goroutine "
MEASURED: Final = {"cpu": "cpu", "heap": "inuse_space", CONTENTION: "delay"}

Facts = Charges | tuple[Group, ...] | None


def facts(path: Path, module: str = "") -> Facts:
    """Charges of a CPU, heap or contention profile; groups of goroutines; None for other files. Raises BadProfile.

    module: the program's main module, "" where it is not known; see Owners."""
    try:
        with path.open("rb") as file:
            head = file.read(len(DUMP))
            if head == DUMP:
                return of_dump(head + file.read(LIMIT), module)
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error
    return _of_profile(read_file(path), module)


def _of_profile(profile: Profile, module: str) -> Facts:
    kind, names = kind_of(profile), [each.type for each in profile.sample_types]
    if not is_go(profile):
        return None
    if kind in ("goroutine", "goroutineleak"):
        return of_profile(profile, 0, module)
    return charges(profile, names.index(MEASURED[kind]), module) if MEASURED.get(kind) in names else None


def as_json(found: Facts, *, stacks: int = 0) -> dict[str, Any]:
    """The facts as child.py answers them; see of_json. stacks: of how many groups of goroutines; then those at own
    functions come first."""
    if isinstance(found, Charges):
        return {"charges": asdict(found)}
    groups = sorted(found or (), key=lambda group: stacks > 0 and not group.place.at)
    return {"groups": [asdict(each if at < stacks else replace(each, stack=())) for at, each in enumerate(groups)]}


def of_json(plain: dict[str, Any]) -> Facts:
    """The facts of child.py's answer."""
    if "charges" not in plain:
        return tuple(_group(**each) for each in plain["groups"]) or None
    made: dict[str, Any] = plain["charges"]
    tuples = {name: tuple(made[name]) for name in ("sample_types", "totals")}
    return Charges(**{**made, **tuples, "functions": tuple(map(_charge, made["functions"]))})


def _charge(plain: dict[str, Any]) -> Charge:
    return Charge(**{**plain, "paid": tuple(plain["paid"]), "path": tuple(plain["path"])})


def _group(place: list[Any], stack: list[str], **counts: int) -> Group:
    made = Place(*place)
    return Group(made._replace(path=tuple(made.path)), stack=tuple(stack), **counts)
