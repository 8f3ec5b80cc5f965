"""A capture compared with its base, for the API and the pages: which base, the table, the tree, and what to mind."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.programs import unlike
from app.analysis.diff.table import Difference, first
from app.analysis.diff.tree import DifferenceTree
from app.analysis.flame.asking import SHOWN
from app.ledger.ledger import Filter
from app.model import Artifact, Capture, Kind, State
from app.web.parts import Parts, the_capture
from app.web.profiles import ROWS, Profiles, profile_of, profiles_of

BASELINE = "baseline"  # instead of an id
OFFERED = 20  # earlier captures to compare with


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared. sample_type: the profile's default for None; normalize: the natural one for None."""

    capture: Capture
    base: Capture
    kind: Kind
    sample_type: str | None = None
    normalize: Normalize | None = None

    def files(self) -> tuple[tuple[Capture, Artifact], tuple[Capture, Artifact]]:
        """The capture and its profile, the base and its own. Raises HTTPException 404 or 422."""
        now = profile_of(self.capture, self.kind)
        try:
            return (self.capture, now), (self.base, profile_of(self.base, self.kind))
        except HTTPException as error:
            raise HTTPException(error.status_code, f"base: {error.detail}") from error


class Differences:
    """Reads both profiles with `parts.difference` and `parts.difference_tree`, once for each pair and choice; raises as
    Profiles does."""

    def __init__(self, parts: Parts, profiles: Profiles) -> None:
        self.parts, self.profiles = parts, profiles

    def table(self, asked: Comparison, n: int) -> Difference:
        """The n functions whose flat values differ most."""
        (_, file), (_, base) = files = asked.files()
        sample_type, rows = asked.sample_type or SHOWN.get(asked.kind), max(n, ROWS)
        found = self.profiles.once(
            ("diff", base.sha256, file.sha256, rows, sample_type, asked.normalize),
            lambda path, base: self.parts.difference(base, path, rows, sample_type, asked.normalize),
            *files,
        )
        return first(found, n)

    def tree(self, asked: Comparison) -> DifferenceTree:
        """The two call trees as one."""
        (_, file), (_, base) = files = asked.files()
        sample_type = asked.sample_type or SHOWN.get(asked.kind)
        return self.profiles.once(
            ("diff-tree", base.sha256, file.sha256, sample_type, asked.normalize),
            lambda path, base: self.parts.difference_tree(base, path, sample_type, asked.normalize),
            *files,
        )


def base_named(parts: Parts, capture: Capture, base: str) -> Capture:
    """The capture that `base` names: an id, or the baseline of the capture's service. Raises HTTPException 404."""
    if base != BASELINE:
        try:
            return the_capture(parts, base)
        except HTTPException as error:
            raise HTTPException(error.status_code, f"base: {error.detail}") from error
    service = capture.target.service if capture.target else ""
    found = parts.ledger.baseline(service) if service else None
    if found is None:
        of = f"The service {service!r}" if service else "A capture without a service"
        raise HTTPException(
            404,
            f"base: {of} has no baseline; POST /captures/ID/baseline makes the capture ID the baseline of its service.",
        )
    return found


def offered(parts: Parts, capture: Capture) -> list[Capture]:
    """What a person may want to compare it with: the baseline of its service first, then earlier captures, newest
    first; all with profiles."""
    service = capture.target.service if capture.target else ""
    if not service:
        return []
    asked = Filter(service=service, state=State.COMPLETED, until=capture.created_at, limit=OFFERED)
    baseline = parts.ledger.baseline(service)
    earlier = [each for each in parts.ledger.find(asked).captures if baseline is None or each.id != baseline.id]
    return [each for each in ([baseline] if baseline else []) + earlier if each.id != capture.id and profiles_of(each)]


def warnings(asked: Comparison, found: Difference) -> list[str]:
    """What to mind when the two are compared: sentences."""
    now, base = asked.capture.target, asked.base.target
    versions = (each.go_version if each else None for each in (base, now))
    return [*_of_captures(asked), *unlike(found.base_build_id, found.build_id, *versions)]


def _of_captures(asked: Comparison) -> Iterator[str]:
    now, base = asked.capture.target, asked.base.target
    if asked.capture.id == asked.base.id:
        yield "The capture is compared with itself."
    if now and base and now.service != base.service:
        yield f"The base is of another service: {base.service or 'one without a name'}."
