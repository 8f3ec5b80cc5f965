"""Reads two files, one after the other, and compares them. child.py runs it; both files are untrusted.

Of the first only the sums are kept while the second is read: together they may be too large for the memory allowed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.side import base_of, dropping, index_in_base, side_of
from app.analysis.diff.table import Difference, difference
from app.analysis.diff.tree import DifferenceTree, tree_difference
from app.analysis.profile import BadProfile, Profile, ValueType, read_file
from app.analysis.tree import Tree, tree


def table_of_files(path: Path, base: Path, n: int, sample_type: str | None, normalize: Normalize | None) -> Difference:
    """See table.difference. Raises BadProfile for any fault of a file."""
    now = side_of(read_file(path), sample_type)
    with _of_base():
        before = base_of(read_file(base), now)
    return difference(before, now, n, normalize)


def tree_of_files(path: Path, base: Path, sample_type: str | None, normalize: Normalize | None) -> DifferenceTree:
    """See tree.tree_difference. Raises BadProfile for any fault of a file."""
    now, frames = _tree(read_file(path), sample_type)
    with _of_base():
        before = dropping(read_file(base), frames)
        index_in_base(before, ValueType(now.sample_type, now.unit))
        before_tree = tree(before, now.sample_type)
    return tree_difference(before_tree, now, normalize)


def _tree(profile: Profile, sample_type: str | None) -> tuple[Tree, tuple[str, str]]:
    return tree(profile, sample_type), (profile.drop_frames, profile.keep_frames)


@contextmanager
def _of_base() -> Iterator[None]:
    """Faults of the base say that it is the base."""
    try:
        yield
    except BadProfile as fault:
        raise BadProfile(f"its base cannot be compared with: {fault}") from fault
