"""Compares two untrusted files in a process of its own, as isolate.py reads one. For the API and the pages."""

from pathlib import Path

from app.analysis.child import Json, Limits
from app.analysis.diff.normalize import Normalize
from app.analysis.diff.table import Changed, Difference, Row
from app.analysis.diff.tree import DifferenceTree, Node
from app.analysis.reading_process import LIMITS, Ask, ask_once, one_answer


def difference_of(
    base: Path,
    path: Path,
    n: int = 30,
    sample_type: str | None = None,
    normalize: Normalize | None = None,
    *,
    limits: Limits = LIMITS,
    ask: Ask = ask_once,
) -> Difference:
    """The n functions that differ most; see table.difference. Raises BadProfile for any fault of a file, Retryable when
    no process can be started."""
    request = _request("diff", base, path, sample_type, normalize) | {"n": n}
    plain = one_answer(request, limits, ask)["diff"]
    return Difference(
        **{
            **plain,
            "sample_types": tuple(plain["sample_types"]),
            "normalize": Normalize(plain["normalize"]),
            "changes": tuple(Changed(**each) for each in plain["changes"]),
            "rows": tuple(Row(**row) for row in plain["rows"]),
        }
    )


def difference_tree_of(
    base: Path,
    path: Path,
    sample_type: str | None = None,
    normalize: Normalize | None = None,
    *,
    limits: Limits = LIMITS,
    ask: Ask = ask_once,
) -> DifferenceTree:
    """The two call trees as one; see tree.tree_difference. Raises as difference_of."""
    plain = one_answer(_request("diff-tree", base, path, sample_type, normalize), limits, ask)["tree"]
    return DifferenceTree(
        **{
            **plain,
            "sample_types": tuple(plain["sample_types"]),
            "normalize": Normalize(plain["normalize"]),
            "nodes": tuple(Node(*node) for node in plain["nodes"]),
        }
    )


def _request(do: str, base: Path, path: Path, sample_type: str | None, normalize: Normalize | None) -> Json:
    return {
        "do": do, "paths": [str(path.absolute())], "base": str(base.absolute()), "type": sample_type,
        "normalize": normalize,
    }  # fmt: skip
