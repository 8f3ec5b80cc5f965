"""The verb that reads the files whose code a process runs, under every shell: what it sends, what it refuses."""

import re
import shutil
from pathlib import Path

import pytest

from app.gate.assemble import assembled
from app.gate.installed import script as installed
from app.gate.mapped import CodeArea, Span, area_words, code_areas_in
from app.gate.recipes import MAPPED, MEMORY
from tests.unit.gate.shells import SHELLS, said

OWN = "read -r own _ </proc/self/stat; read_stat /proc/self/stat; "  # -> start, image: of the shell
ASK = 'verb_mapped "$own" "$start" "$image" '
FIRST = "area=$(sed -n 's@^\\([0-9a-f]*\\)-.* r.x. .* /.*@\\1@p' /proc/$own/maps | head -n 1); "  # of its executable


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_pages_of_the_executable_come_in_their_order_and_where_it_is_mapped(shell: str, tmp_path: Path) -> None:
    script = f'{OWN}{FIRST}{ASK} "$area" 1:1 0:1 90000:1 | od -A n -v -t x1; {ASK}; printf "%s" "$out$code"'
    answer = said(shell, "identity mapped_verbs", script, tmp_path)
    sent, lines = answer.split("size 0\n")
    head, pages = bytes.fromhex(sent).split(b"\n", 1)
    path = Path(shutil.which(SHELLS[shell][0]) or "").resolve()
    file = path.read_bytes()
    assert head == b"size 12288"
    assert pages[:12288] == file[4096:8192] + file[:4096] + bytes(4096)
    areas = code_areas_in(tuple(line.split(" ", 1)) for line in lines.splitlines()[:-1])  # type: ignore[misc]
    assert areas[0].path == str(path)
    assert lines.splitlines()[-1] == "ok"


@pytest.mark.parametrize(
    "words", ["/etc/passwd 0:1", "00 1", "00 -1:1", "00 0:8193", "00 0:1:1", "../x 0:1", "00:../../x 0:1", "00:ab 0:1"]
)
def test_anything_else_than_ranges_of_a_mapping_is_refused(shell: str, tmp_path: Path, words: str) -> None:
    script = f'{OWN}{ASK} {words}; printf "%s" "$code"'
    assert said(shell, "identity mapped_verbs", script, tmp_path) == "bad"


def test_a_file_that_has_another_one_s_name_is_not_read(shell: str, tmp_path: Path) -> None:
    """The mapping's inode is not that of the file which has its name now; and what is no mapping is not there."""
    script = (
        f'{OWN}{ASK} 7 0:1; first=$code; cd /proc/self; areas="$nl"\'area 1000-2000 0 1 /etc/passwd\'"$nl"; '
        'find_mapped 1000; echo "$first $?"'
    )
    assert said(shell, "identity mapped_verbs", script, tmp_path) == "vanished 1\n"


def test_another_process_of_that_number_is_not_read(shell: str, tmp_path: Path) -> None:
    script = f'{OWN}verb_mapped "$own" $((start + 1)) "$image"; verb_mapped "$own" $start 1:1; echo $code'
    assert said(shell, "identity mapped_verbs", script, tmp_path) == "replaced\n"


def test_only_a_gate_that_was_made_for_it_reads_executables() -> None:
    for text in (assembled(), installed([]), installed([MEMORY])):
        assert not re.search(r"verb_mapped *\(|map_files", text)
        assert "executables and" not in text
    assert "reads the executables and\n# libraries that processes run" in installed([MAPPED])
    assert assembled([MAPPED]).count("verb_mapped() {") == 1


def test_a_mapping_of_another_shape_is_left_out() -> None:
    area = CodeArea(0x400000, 0x401000, 0x1000, "/srv/a b (deleted)")
    lines = [("area", "00400000-00401000 00001000 /srv/a b (deleted)"), ("area", "x"), ("area", "0-1 0 x"), ("a", "")]
    assert code_areas_in(lines) == (area,)
    assert area_words(area, [Span(1, 2)]) == ("00400000", "1:2")
