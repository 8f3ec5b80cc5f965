"""The page of a capture compared with another one: the table and the flame graph. Registered by app/web/asgi.py."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.tree import DifferenceTree
from app.model import Kind
from app.web.differences import BASELINE, Comparison, Differences, base_named, offered, warnings
from app.web.pages.capture import first_kind, result_or_fault
from app.web.pages.difference_flame import difference_flame
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_capture
from app.web.profiles import profiles_of

ROWS = 30  # functions in the table


def routes(parts: Parts, differences: Differences) -> APIRouter:
    """GET /ui/captures/{id}/diff."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}/diff")
    def diff(
        capture_id: str,
        base: str = BASELINE,
        *,
        kind: Kind | None = None,
        sample_type: str | None = None,
        normalize: Normalize | None = None,
        root: int = 0,
    ) -> str:
        capture = the_capture(parts, capture_id)
        other = base_named(parts, capture, base)
        asked = Comparison(capture, other, kind or first_kind(capture), sample_type, normalize)
        found, fault = result_or_fault(lambda: differences.table(asked, ROWS))
        tree, _ = result_or_fault(lambda: differences.tree(asked)) if found else (None, "")
        shared = {each.kind for each in profiles_of(other)}
        return page(
            "diff.html",
            c=capture,
            base=other,
            asked=base,
            kind=asked.kind,
            profiles=[each for each in profiles_of(capture) if each.kind in shared],
            bases=offered(parts, capture),
            found=found,
            ways=list(Normalize),
            warnings=warnings(asked, found) if found else [],
            flame=difference_flame(tree, root) if tree and _sampled(tree) else None,
            fault=fault,
        )

    return router


def _sampled(tree: DifferenceTree) -> bool:
    return bool(tree.nodes[0].value or tree.nodes[0].base_value)
