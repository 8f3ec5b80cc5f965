"""Parts of a call tree: equal to the whole tree of tree.py, however large, for every root, and for one function."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.analysis.flame.asked import Asked, view_of
from app.analysis.flame.asking import index_file, view_in
from app.analysis.flame.index import paths_of
from app.analysis.flame.paths import Paths, packed, unpacked
from app.analysis.flame.view import Frame
from app.analysis.profile import BadProfile, read_file
from app.analysis.tree import tree

PROFILES = Path(__file__).parents[3] / "data" / "profiles"
READ = [
    PROFILES / name for name in ("go.crc32.cpu", "java.heap", "cppbench.cpu", "diff.pb.gz", "go-1.27.goroutineleak")
]

Sums = dict[tuple[str, ...], tuple[int, int]]


def by_path(nodes: Iterable[Any]) -> Sums:
    """The value and the own value of each path of names."""
    paths: list[tuple[str, ...]] = []
    found: Sums = {}
    for node in nodes:
        paths.append((*paths[node.parent], node.name) if node.parent >= 0 else (node.name,))
        found[paths[-1]] = (node.value, node.self)
    return found


def opened(file: Path) -> Paths:
    return unpacked(packed(paths_of(read_file(file))))


@pytest.mark.parametrize("file", READ, ids=lambda file: file.name)
def test_all_of_a_tree_is_what_the_whole_tree_is(file: Path) -> None:
    whole, view = tree(read_file(file), most=10**6), view_of(opened(file), Asked())
    assert by_path(view.frames) == by_path(whole.nodes)
    about = view.about
    assert (about.total, about.unit, about.sample_types) == (whole.total, whole.unit, whole.sample_types)


@pytest.mark.parametrize("file", READ, ids=lambda file: file.name)
def test_every_function_is_a_root_with_its_callers_and_what_it_called(file: Path) -> None:
    paths = opened(file)
    whole = view_of(paths, Asked())
    sums = by_path(whole.frames)
    for frame in whole.frames[:: max(len(whole.frames) // 30, 1)]:
        part = view_of(paths, Asked(root=frame.id))
        above = tuple(caller.name for caller in part.callers)
        assert part.frames[0].id == frame.id
        below = {above + path: both for path, both in by_path(part.frames).items()}
        whole_path = (*above, frame.name)
        assert below == {path: both for path, both in sums.items() if path[: len(whole_path)] == whole_path}


def test_what_is_too_thin_is_left_out_and_nothing_else() -> None:
    paths = opened(PROFILES / "java.heap")
    whole = view_of(paths, Asked()).frames
    for share in (0.3, 0.02, 0.004):
        wide = {frame.id for frame in whole if frame.value >= max(int(whole[0].value * share), 1)}
        assert {frame.id for frame in view_of(paths, Asked(share=share)).frames} == wide


@pytest.mark.parametrize("root", [-1, 1 << 60, 255, 5 << 8])
def test_a_root_that_there_is_not_is_all_of_it(root: int) -> None:
    paths = opened(PROFILES / "go.crc32.cpu")
    assert view_of(paths, Asked(root=root)) == view_of(paths, Asked())


def test_a_function_on_all_paths_has_what_it_called_and_who_called_it() -> None:
    whole = tree(read_file(PROFILES / "java.heap"), most=10**6)
    paths = opened(PROFILES / "java.heap")
    ((name, times),) = Counter(node.name for node in whole.nodes[1:]).most_common(1)
    assert times > 1, "it has several callers, or calls itself"
    outermost = cumulative(whole.nodes, name)
    view = view_of(paths, Asked(function=name))
    assert (view.frames[0].name, view.frames[0].value) == (name, outermost)
    assert (view.inverted[0].name, view.inverted[0].value) == (name, outermost)
    callers = [frame for frame in view.inverted if frame.parent == 0]
    assert sum(frame.value for frame in callers) + view.inverted[0].self == outermost
    with pytest.raises(BadProfile, match="no sample of a function 'nobody'"):
        view_of(paths, Asked(function="nobody"))


def test_a_search_finds_what_was_sampled_in_functions_and_what_they_called() -> None:
    whole = tree(read_file(PROFILES / "go.crc32.cpu"), most=10**6)
    paths = opened(PROFILES / "go.crc32.cpu")
    name = whole.nodes[-1].name
    found = view_of(paths, Asked(search=name.upper())).matched
    assert found == cumulative(whole.nodes, name)
    assert view_of(paths, Asked(search="nobody")).matched == 0
    assert view_of(paths, Asked()).matched is None


def cumulative(nodes: Iterable[Any], name: str) -> int:
    """What its outermost calls cost."""
    inside, total = {-1: False}, 0
    for at, node in enumerate(nodes):
        here = node.name == name
        total += node.value if here and not inside[node.parent] else 0
        inside[at] = here or inside[node.parent]
    return total


def test_another_process_reads_the_file_once_and_answers_about_it(tmp_path: Path) -> None:
    index_file(PROFILES / "go.crc32.cpu", "samples", tmp_path / "index")
    view = view_in(tmp_path / "index", Asked(share=0.01, search="crc"))
    expected = view_of(paths_of(read_file(PROFILES / "go.crc32.cpu"), "samples"), Asked(share=0.01, search="crc"))
    assert view == expected
    assert isinstance(view.frames[0], Frame)
    with pytest.raises(BadProfile, match="no sample type 'cups'"):
        index_file(PROFILES / "go.crc32.cpu", "cups", tmp_path / "other")


def test_sums_beyond_what_the_file_holds_are_refused_with_a_sentence() -> None:
    paths = paths_of(read_file(READ[0]))
    with pytest.raises(BadProfile, match="add up to more than"):
        packed(replace(paths, sums=[*paths.sums[:-1], 2**63]))
