"""The call tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.profile import BadProfile, read
from app.analysis.top import top
from app.analysis.tree import DEEPEST, LONGEST_NAME, Tree, tree
from tests.unit.analysis.synthetic import Maker, Stack, cpu, heap


def of(made: Maker, sample_type: str | None = None, most: int = 5000) -> Tree:
    return tree(read(made.data()), sample_type, most)


def drawn(made: Tree) -> list[str]:
    """A line a node, indented: name, value, self."""
    depths: list[int] = []
    for node in made.nodes:
        depths.append(depths[node.parent] + 1 if node.parent >= 0 else 0)
    return [" " * d + f"{n.name} {n.value} {n.self}" for d, n in zip(depths, made.nodes, strict=True)]


def test_functions_are_merged_along_the_path_and_the_largest_comes_first() -> None:
    made = cpu([(["b", "main"], 10), (["a", "main"], 30), (["c", "a", "main"], 5), (["main"], 1), (["a"], 7)])
    assert drawn(of(made)) == ["root 53 0", " main 46 1", "  a 35 30", "   c 5 5", "  b 10 10", " a 7 7"]


def test_equal_children_are_ordered_by_name() -> None:
    assert drawn(of(cpu([(["z"], 5), (["a"], 5)]))) == ["root 10 0", " a 5 5", " z 5 5"]


def test_a_recursive_function_is_there_as_deep_as_it_went() -> None:
    assert drawn(of(cpu([(["f", "g", "f"], 7)]))) == ["root 7 0", " f 7 0", "  g 7 0", "   f 7 7"]


def test_inlined_functions_are_frames() -> None:
    assert drawn(of(cpu([([("tiny", "host"), "main"], 7)]))) == ["root 7 0", " main 7 0", "  host 7 0", "   tiny 7 7"]


def test_the_sample_type_is_chosen_as_for_the_table() -> None:
    made = heap().sample(["f"], 1, 2, 3, 4)
    assert (of(made).sample_type, of(made).unit, of(made).total) == ("inuse_space", "bytes", 4)
    assert (of(made, "alloc_space").total, of(made).sample_types) == (2, of(made, "alloc_space").sample_types)
    with pytest.raises(BadProfile, match="no sample type 'wall'"):
        of(made, "wall")


def test_what_the_profile_drops_goes_with_its_callees() -> None:
    made = cpu([(["grow", "malloc", "work", "main"], 5), ([("mallocinit", "tiny"), "main"], 1)])
    made.message.drop_frames = made.string("malloc.*")
    assert drawn(of(made)) == ["root 6 0", " main 6 0", "  work 5 5", "  tiny 1 1"]


def test_a_sample_without_a_stack_is_the_roots_own() -> None:
    assert drawn(of(cpu([([], 10), (["a"], 30)]))) == ["root 40 10", " a 30 30"]


def test_values_have_no_sign() -> None:
    assert drawn(of(cpu([(["a"], -30), (["b"], 10), (["c"], 0)]))) == ["root 40 0", " a 30 30", " b 10 10"]


def test_code_without_a_function_is_its_binary() -> None:
    made = cpu()
    made.message.location.add(id=9, mapping_id=1)
    made.message.sample.add(location_id=[9], value=[1, 3])
    assert drawn(of(made)) == ["root 3 0", " [app] 3 3"]


def test_an_idle_process_has_nothing_but_the_root() -> None:
    assert drawn(of(cpu())) == ["root 0 0"]


def test_the_smallest_are_together_what_is_other() -> None:
    stacks: list[tuple[Stack, int]] = [([f"f{n}", "main"], 100 - n) for n in range(10)]
    made = cpu([*stacks, (["deep", "small", "idle"], 1)])
    assert len(of(made).nodes) == 15
    assert drawn(of(made, most=6)) == ["root 956 0", " main 955 0", "  f0 100 100", "  (other) 855 855", " (other) 1 1"]


def test_of_an_endless_stack_both_ends_are_there() -> None:
    nodes = of(cpu([([f"f{n}" for n in range(3000)], 7)])).nodes
    names = [node.name for node in nodes]
    assert (len(nodes), names[1], names[-1], nodes[-1].self) == (DEEPEST + 1, "f2999", "f0", 7)
    assert "(frames left out)" in names


def test_an_endless_name_is_cut_and_still_its_own_node() -> None:
    long = "x" * 1000
    nodes = of(cpu([([long + "a"], 5), ([long + "b"], 4)])).nodes
    assert [(len(node.name), node.value) for node in nodes[1:]] == [(LONGEST_NAME, 5), (LONGEST_NAME, 4)]


stacks = st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=60)


@given(stacks, st.integers(2, 40))
def test_it_always_adds_up_and_stays_within_its_bound(paths: list[list[str]], most: int) -> None:
    made = cpu([(path, number % 7) for number, path in enumerate(paths)])
    found = of(made, most=most)
    assert len(found.nodes) <= most
    assert found.total == top(read(made.data()), 1).total
    children = [0] * len(found.nodes)
    for at, node in enumerate(found.nodes[1:], 1):
        assert 0 <= node.parent < at
        children[node.parent] += node.value
    assert [node.value - node.self for node in found.nodes] == children
