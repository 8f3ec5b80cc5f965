"""Where the boxes of a flame graph are."""

import pytest

from app.analysis.tree import Node, Tree
from app.web.pages.flame import ROW, THINNEST, Flame, colour, flame, short


def tree(*nodes: Node) -> Tree:
    return Tree("cpu", "cpu", ("samples", "cpu"), "nanoseconds", None, nodes)


SMALL = tree(
    Node("root", 1000, 0, -1),
    Node("main.main", 800, 100, 0),
    Node("main.burn", 600, 600, 1),
    Node("main.rest", 100, 100, 1),
    Node("(other)", 200, 200, 0),
)


def places(drawn: Flame) -> dict[str, tuple[float, float, int]]:
    """Left edge and width in percent, and the row."""
    return {box.label: (box.x, box.width, box.y // ROW) for box in drawn.boxes}


def test_each_box_is_below_its_caller_and_as_wide_as_its_share() -> None:
    drawn = flame(SMALL, 0)
    assert places(drawn) == {
        "root": (0, 100, 0),
        "main.main": (0, 80, 1),
        "main.burn": (0, 60, 2),
        "main.rest": (60, 10, 2),
        "(other)": (80, 20, 1),
    }
    assert (drawn.height, drawn.thin) == (3 * ROW, 0)


def test_another_root_has_the_full_width_below_its_callers() -> None:
    drawn = flame(SMALL, 1)
    assert places(drawn) == {
        "root": (0, 100, 0),
        "main.main": (0, 100, 1),
        "main.burn": (0, 75, 2),
        "main.rest": (75, 12.5, 2),
    }
    assert drawn.boxes[0].look == "above"
    assert (drawn.name, drawn.amounts) == ("main.main", "800ns (80.00%), of which 100ns (10.00%) its own")


def test_a_leaf_may_be_the_root() -> None:
    assert places(flame(SMALL, 3)) == {"root": (0, 100, 0), "main.main": (0, 100, 1), "main.rest": (0, 100, 2)}


@pytest.mark.parametrize("root", [-1, 5, 10**30])
def test_a_root_that_is_not_there_is_that_of_the_tree(root: int) -> None:
    assert flame(SMALL, root) == flame(SMALL, 0)


def test_what_is_too_thin_to_be_seen_is_only_counted_and_seen_from_its_caller() -> None:
    thin = int(THINNEST * 100_000 / 100) - 1
    made = tree(
        Node("root", 100_000, 0, -1),
        Node("a", 99_000, 99_000 - thin, 0),
        Node("b", thin, thin, 1),
        Node("c", 1_000, 0, 0),
        Node("d", 1_000, 1_000, 3),
    )
    drawn = flame(made, 0)
    assert ([box.node for box in drawn.boxes], drawn.thin) == ([0, 1, 3, 4], 1)
    assert [box.node for box in flame(made, 2).boxes] == [0, 1, 2]


def test_a_box_without_room_has_its_name_in_its_title_only() -> None:
    drawn = flame(tree(Node("root", 100, 0, -1), Node("wide", 99, 99, 0), Node("narrow", 1, 1, 0)), 0)
    assert [(box.label, box.title) for box in drawn.boxes[1:]] == [
        ("wide", "wide: 99ns (99.00%)"),
        ("", "narrow: 1ns (1.00%)"),
    ]


def test_nothing_sampled_is_one_box() -> None:
    assert [box.title for box in flame(tree(Node("root", 0, 0, -1)), 0).boxes] == ["root: 0"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("github.com/zeromicro/go-zero/rest.(*engine).start", "rest.(*engine).start"),
        ("encoding/json.Marshal", "json.Marshal"),
        ("main.main", "main.main"),
        ("main.Map[example.com/a.T]", "main.Map[example.com/a.T]"),
        ("run (my/folder/app.py:12)", "run (my/folder/app.py:12)"),
        ("a/b", "a/b"),
        ("", ""),
    ],
)
def test_folders_of_a_package_are_left_out(name: str, label: str) -> None:
    assert short(name) == label


def test_a_package_and_a_file_have_a_colour() -> None:
    assert colour("encoding/json.Marshal") == colour("encoding/json.(*Decoder).Decode")
    assert colour("run (a/app.py:12)") == colour("<module> (a/app.py:99)")
    assert len({colour(f"{package}.f") for package in "abcdefghijklmnop"}) > 4


def test_what_has_no_known_name_has_no_colour() -> None:
    drawn = flame(tree(Node("root", 10, 0, -1), Node("[libc.so.6]", 5, 5, 0), Node("(other)", 5, 5, 0)), 0)
    assert {box.look for box in drawn.boxes} == {"other"}
