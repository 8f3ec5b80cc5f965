"""The verb that reads memory, under every shell: what it sends, what it refuses, and which gates have it at all."""

import re
from pathlib import Path

import pytest

from app.gate.assemble import assembled
from app.gate.installed import script as installed
from app.gate.memory import Area, Pages, areas_in, page_word
from app.gate.recipes import MEMORY
from tests.unit.gate.shells import SHELLS, said

OWN = "read -r own _ </proc/self/stat; read_stat /proc/self/stat; "  # -> start, image: of the shell
ASK = 'verb_memory "$own" "$start" "$image" '


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_pages_come_in_their_order_and_what_is_not_there_is_zeros(shell: str, tmp_path: Path) -> None:
    """The shell reads itself: of its executable, and of its memory at a place where there is nothing."""
    script = f"{OWN}{ASK} mem:1:1 exe:0:1 | od -A n -v -t x1 | head -c 24000; :"
    sent = bytes.fromhex(said(shell, "identity memory_verbs", script, tmp_path))
    head, pages = sent.split(b"\n", 1)
    assert head == b"size 8192"
    assert pages[:4096] == bytes(4096)
    assert pages[4096:4100] == b"\x7fELF"


@pytest.mark.parametrize(
    "ranges",
    ["", "mem:1", "mem:01:1", "exe:1:0", "mem:-1:1", "/etc/passwd:0:1", "environ:0:1", "exe:0:32769", "mem:1:1:1"],
)
def test_anything_else_than_ranges_of_the_two_files_is_refused(shell: str, tmp_path: Path, ranges: str) -> None:
    script = f'{OWN}{ASK} {ranges}; printf "%s" "$code"'
    assert said(shell, "identity memory_verbs", script, tmp_path) == "bad"


def test_another_process_of_that_number_is_not_read(shell: str, tmp_path: Path) -> None:
    script = (
        f'{OWN}verb_memory "$own" $((start + 1)) "$image" exe:0:1; verb_memory "$own" $start 1:1 exe:0:1; echo $code'
    )
    assert said(shell, "identity memory_verbs", script, tmp_path) == "replaced\n"


def test_only_a_gate_that_was_made_for_it_reads_memory() -> None:
    for text in (assembled(), installed(), installed([])):
        assert not re.search('verb_memory *\\(|/mem$|if="\\$file"', text, re.MULTILINE)
        assert "reads the memory" not in text
    assert "verb_memory() {" in installed([MEMORY])
    assert "the key also reads the memory of every process" in installed([MEMORY])
    assert assembled([MEMORY]).count("verb_memory() {") == 1


def test_a_mapping_of_another_shape_is_left_out() -> None:
    assert areas_in([("area", "400000-401000 r-xp 1000 7"), ("area", "x"), ("other", "0-1 rw-p 0 0")]) == (
        Area(0x400000, 0x401000, "r-xp", 0x1000, 7),
    )
    assert page_word(Pages("mem", 16, 2)) == "mem:16:2"
    with pytest.raises(ValueError, match="not a number"):
        page_word(Pages("exe", -1, 1))
