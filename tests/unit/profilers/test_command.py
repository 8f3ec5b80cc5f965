"""A command's words reach the program byte for byte, and nothing else of them reaches the shell."""

import re
import string
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analysis.convert import Format
from app.gate.answers import Answer
from app.gate.assemble import SCRIPT
from app.gate.assemble import script as sent
from app.gate.installed import script
from app.gate.recipes import Recipe
from app.model import Kind
from app.plugins import from_plain, to_plain
from app.profilers.base import Profiler
from app.profilers.command import PLACEHOLDER, SUFFIXES, Command, failure, suffix_of
from app.profilers.recipe_profiler import FileFormat
from tests.lab.shell import SHELLS

VALUES = {"{pid}": "4711", "{duration}": "30", "{output}": "/a b/$(c)'*"}
ANYTHING = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NASTY = st.text("'\"\\`$(){}[]*?~#&|;<>!=-\n\t \r\x81\xff\x01é{pid}", max_size=30)
PLACED = st.sampled_from(sorted(VALUES))
WORD = st.lists(st.one_of(ANYTHING, NASTY, PLACED), max_size=3).map("".join)


def harmless(word: str) -> bool:
    return all(part in VALUES for part in PLACEHOLDER.findall(word))


def arguments(recipe: Recipe, shell: str, **variables: str) -> list[bytes]:
    """What a program that prints its arguments is run with."""
    said = "".join(f"{name}={value}\n" for name, value in variables.items())
    run = f"set -uf; set -C\n{said}r_{recipe.id}() {{\n{recipe.body}\n}}\nr_{recipe.id} go\n"
    done = subprocess.run(
        [*SHELLS[shell], "-s"], input=run.encode(), capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    return done.stdout.split(b"\0")[1:-1]


@pytest.mark.parametrize("shell", sorted(SHELLS))
@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORD.filter(harmless), max_size=6))
def test_every_word_is_passed_byte_for_byte(shell: str, words: list[str]) -> None:
    recipe = Command(("/usr/bin/printf", "%s\\0", "{output}", *words)).recipe
    quoted = {"pid": "4711", "secs": "30", "output": "'/a b/$(c)'\"'\"'*'"}
    expected = [PLACEHOLDER.sub(lambda m: VALUES[m[1]], word).encode() for word in words]
    assert arguments(recipe, shell, **quoted) == expected


def test_a_text_is_split_into_words_as_a_shell_would() -> None:
    command = Command("""py-spy record --output '{output}' --title "it's {pid}" """)
    assert command.words == ("py-spy", "record", "--output", "{output}", "--title", "it's {pid}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": ""}, "first word is the program"),
        ({"command": ("", "{output}")}, "first word is the program"),
        ({"command": "-x {output}"}, "first word is the program"),
        ({"command": "py-spy --pid {pid}"}, "{output}"),
        ({"command": "py-spy {output} {host}"}, "{host} is no placeholder; there are {pid}, {duration}, {output}"),
        ({"command": ("sh", "-c", "echo ${HOME} >{output}")}, "{HOME} is no placeholder"),
        ({"command": ("sh", "a\0b{output}")}, "no word of a command"),
        ({"command": ("sh", "\ud800{output}")}, "no word of a command"),
        ({"command": "sh '{output}"}, "No closing quotation"),
        ({"command": "x {output}", "name": "Py Spy"}, "small letters"),
        ({"command": "x {output}", "exe": "(?=x)"}, "(?="),
        ({"command": "x {output}", "format": "folded", "artifact": "log"}, "pprof profile; there are cpu, heap"),
        (
            {"command": "x {output}", "format": "perf-script", "artifact": "trace"},
            "perf-script becomes a pprof profile",
        ),
        ({"command": "x {output}", "format": "folded", "rate": 0}, "rate: samples a second, more than 0"),
        ({"command": "x {output}", "format": "folded", "rate": -1}, "rate: samples a second, more than 0"),
        ({"command": "x {output}", "format": "folded", "rate": float("nan")}, "rate: samples a second, more than 0"),
        ({"command": "x {output}", "format": "folded", "rate": 1e9}, "at most 1000000"),
        ({"command": "x {output}", "format": "folded", "rate": 99, "unit": "nanoseconds"}, "leave it or rate out"),
        ({"command": "x {output}", "format": "folded", "unit": "bytes"}, "sample: say what the bytes are of"),
        ({"command": "x {output}", "format": "folded", "sample": "Wall clock"}, "sample: small letters"),
        ({"command": "x {output}", "format": "perf-script", "rate": 99}, "are for format: folded"),
        ({"command": "x {output}", "format": "pprof", "sample": "cpu"}, "are for format: folded"),
        ({"command": "x {output}", "grace": timedelta(days=1)}, "an hour"),
    ],
)
def test_what_is_no_command_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Command(**options)


def test_every_format_that_can_be_converted_can_be_named_and_keeps_a_suffix_of_its_own() -> None:
    assert set(get_args(FileFormat)) == {*Format, "pprof", "other"}
    assert set(SUFFIXES) == {*Format, "pprof"} and len(set(SUFFIXES.values())) == len(SUFFIXES)
    assert ".pprof" not in {SUFFIXES[format] for format in Format}, "which is that of the converted profile"


@pytest.mark.parametrize("format", ["speedscope", "chrome-trace"])
def test_what_was_measured_can_be_said_where_the_file_does_not(format: Any) -> None:
    assert Command("x {output}", format=format, sample="cpu").sample == "cpu"


def test_braces_that_are_no_placeholder_are_left_alone() -> None:
    command = Command(("awk", "{ print $1 }", "a{1,2}", "{}", "{output}"))
    assert "'{ print $1 }'" in command.recipe.body


def test_another_command_is_another_recipe() -> None:
    one, other = Command("x {output}"), Command("x  {output} y")
    assert one.recipe.id == Command(("x", "{output}")).recipe.id != other.recipe.id
    assert one.recipe.id != replace(one, output="target").recipe.id


def test_the_row_of_a_capture_holds_the_options_and_gives_them_back() -> None:
    command = Command(("x", "{output}"), "py-spy", "python", "folded", "cpu", "target", timedelta(seconds=7))
    assert from_plain("app.profilers", Profiler, to_plain(command)) == command


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"format": "folded"}, {Kind.CPU, Kind.OTHER}),
        ({"format": "folded", "rate": 20, "sample": "wall"}, {Kind.OTHER}),
        ({"format": "folded", "unit": "nanoseconds"}, {Kind.CPU, Kind.OTHER}),
        ({"format": "folded", "unit": "bytes", "sample": "alloc"}, {Kind.OTHER}),
        ({"format": "folded", "sample": "alloc", "artifact": "allocs"}, {Kind.ALLOCS, Kind.OTHER}),
        ({"format": "perf-script"}, {Kind.CPU, Kind.OTHER}),
        ({"format": "perf-script", "artifact": "other"}, {Kind.OTHER}),
        ({"format": "pprof"}, {Kind.CPU}),
        ({"format": "pprof", "artifact": "heap"}, {Kind.HEAP}),
        ({"artifact": "log"}, {Kind.LOG}),
        ({}, {Kind.OTHER}),
    ],
)
def test_the_kinds_of_a_whole_capture_follow_from_the_format(options: dict[str, Any], kinds: set[Kind]) -> None:
    assert set(Command("x {output}", **options).missing(frozenset())) == kinds


def test_of_what_tells_itself_what_it_is_any_kind_is_whole() -> None:
    assert Command("x {output}", format="perf-script").missing(frozenset({Kind.OTHER})) == ()
    assert Command("x {output}", format="folded").missing(frozenset({Kind.OTHER})) == (Kind.CPU,)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("finished", exit=0, last_words=("much",)), ""),
        (Answer("finished", exit=1, last_words=("no such", "process")), "failed with status 1: no such | process"),
        (Answer("finished", exit=137), "was ended by signal 9"),
        (Answer("finished", exit=143, fired=True), "took too long, or its session was torn down, and was ended"),
        (Answer("finished"), "was ended by somebody else, and so was its keeper"),
    ],
)
def test_a_failure_is_told_in_plain_words(answer: Answer, said: str) -> None:
    assert failure(answer) == said


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"a;b 1\n", ".txt"),
        ("é".encode() * 4095, ".txt"),
        (b"FLR\0\1", ".jfr"),
        (b"\x1f\x8b", ".bin"),
        (b"a\0b", ".bin"),
    ],
)
def test_what_a_file_is_called_follows_from_its_first_bytes(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert suffix_of(tmp_path / "file") == suffix


def test_a_gate_has_the_recipes_that_it_was_given_and_is_itself_without_any() -> None:
    recipe = Command("x {output}").recipe
    assert sent() == SCRIPT
    given = sent((recipe, recipe))
    function = f"\nr_{recipe.id}() {{\n{recipe.body}\n}}\n"
    assert given.count(function.encode()) == script((recipe, recipe)).count(function) == 1
    assert given.replace(function[1:].encode(), b"") == SCRIPT
    assert set(recipe.id) <= set(string.hexdigits.lower()) and len(recipe.id) == 32
