"""Makes and asks the paths of untrusted files in a process of its own, as isolate.py. For the API and the pages."""

from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

from app.analysis.child import Json, Limits
from app.analysis.flame.asked import Asked
from app.analysis.flame.paths import About
from app.analysis.flame.view import Frame, View
from app.analysis.profile import BadProfile
from app.analysis.reading_process import LIMITS, Ask, ask_once, one_answer
from app.model import Kind

# The sample type that is shown unless another is asked for, where the profile's default is another one or none: a
# difference in time, of `allocs?seconds=N`, does not name its default.
SHOWN: Final = {Kind.ALLOCS: "alloc_space"}


def index_file(path: Path, sample_type: str | None, out: Path, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> None:
    """Writes `out`, the paths of the profile in `path`. Raises BadProfile for any fault of the file, also for one whose
    paths are too many; Retryable when no process can be started."""
    request = {"do": "flame-index", "paths": [str(path.absolute())], "type": sample_type, "out": str(out.absolute())}
    if unwritten := one_answer(request, limits, ask)["unwritten"]:
        raise BadProfile(f"has too many paths for a flame graph: {unwritten}")


class ViewAsJson(NamedTuple):
    """What view.as_json makes of a view: the service hands it on as it is."""

    sample_type: str
    json: str


def view_in(index: Path, asked: Asked, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> View:
    """What is asked of the paths in `index`; see asked.view_of. Raises as index_file."""
    plain = one_answer(_request(index, asked, "view"), limits, ask)["view"]
    kind, sample_type, sample_types, *rest = plain["about"]
    sides = {key: tuple(Frame(*each) for each in plain[key]) for key in ("callers", "frames", "inverted")}
    return View(About(kind, sample_type, tuple(sample_types), *rest), **sides, matched=plain["matched"])


def view_as_json(index: Path, asked: Asked, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> ViewAsJson:
    """The same, as the API answers it."""
    answer = one_answer(_request(index, asked, "json"), limits, ask)
    return ViewAsJson(answer["sample_type"], answer["json"])


def _request(index: Path, asked: Asked, form: str) -> Json:
    return {"do": "flame", "paths": [str(index.absolute())], "asked": asdict(asked), "as": form}
