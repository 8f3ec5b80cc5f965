"""Makes and asks the paths of untrusted files in a process of its own, as isolate.py. For the API and the pages."""

from dataclasses import asdict
from pathlib import Path

from app.analysis.child import Limits
from app.analysis.flame.asked import Asked
from app.analysis.flame.paths import About
from app.analysis.flame.view import Frame, View
from app.analysis.isolate import LIMITS, Ask, ask_once, one_answer
from app.analysis.profile import BadProfile


def index_file(path: Path, sample_type: str | None, out: Path, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> None:
    """Writes `out`, the paths of the profile in `path`. Raises BadProfile for any fault of the file, also for one whose
    paths are too many; Retryable when no process can be started."""
    request = {"do": "flame-index", "paths": [str(path.absolute())], "type": sample_type, "out": str(out.absolute())}
    if unwritten := one_answer(request, limits, ask)["unwritten"]:
        raise BadProfile(f"has too many paths for a flame graph: {unwritten}")


def view_in(index: Path, asked: Asked, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> View:
    """What is asked of the paths in `index`; see asked.view_of. Raises as index_file."""
    request = {"do": "flame", "paths": [str(index.absolute())], "asked": asdict(asked)}
    plain = one_answer(request, limits, ask)["view"]
    kind, sample_type, sample_types, *rest = plain["about"]
    sides = {key: tuple(Frame(*each) for each in plain[key]) for key in ("callers", "frames", "inverted")}
    return View(About(kind, sample_type, tuple(sample_types), *rest), **sides, matched=plain["matched"])
