"""Each part of the gate does what its head says, under every shell. The integration tests show the whole."""

import struct
from pathlib import Path

import pytest

from app.gate.assemble import PARTS, TEXTS, assembled, without_comments
from app.gate.facts import layout_in
from tests.lab.gate_lint import LINES, declared
from tests.unit.gate.shells import SHELLS, said

TOKEN = "0123456789abcdef" * 2
STATUS = "Name:\tx\nTgid:\t7\nTracerPid:\t0\nUid:\t1\t2\t3\t4\nGid:\t5\t6\nNStgid:\t7\t3\nNSpid:\t7\t3\nShdPnd:\t00\nSigIgn:\t01\n"  # noqa: E501
STAT = "7 (a) b) c) S 1 " + " ".join(str(n) for n in range(5, 53)) + "\n"


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_part_is_short_and_declares_what_it_sets_and_expects() -> None:
    assert {path.removesuffix(".sh") for path in TEXTS} == set(PARTS)
    assert max(text.count("\n") for text in TEXTS.values()) <= LINES
    assert {"state", "comm", "is_number"} <= declared(TEXTS["identity"])


def test_the_sent_script_is_the_printed_one_without_comments() -> None:
    assert without_comments(assembled()) == assembled(comments=False)
    assert "\n#" not in assembled(comments=False)


def test_numbers_and_tokens_are_taken_in_their_exact_shape_only(shell: str, tmp_path: Path) -> None:
    words = ["0", "7", "12345", "123456", "07", "-1", "", "1a", "٣", TOKEN, TOKEN[1:], TOKEN.upper()]
    script = 'for w in {}; do is_number "$w" 5 && echo number; is_token "$w" && echo token; done; :'.format(
        " ".join(f"'{word}'" for word in words)
    )
    assert said(shell, "", script, tmp_path).split() == ["number"] * 3 + ["token"]


def test_a_process_whose_memory_is_gone_is_no_other_program(shell: str, tmp_path: Path) -> None:
    """Without an image, one that ends has no memory; one that begins to run another program has some already."""
    without_image = STAT.replace(" 26 27 28 ", " 0 0 0 ")
    (tmp_path / "ends").write_text(without_image.replace(" 23 ", " 0 "))
    (tmp_path / "begins").write_text(without_image)
    (tmp_path / "runs").write_text(STAT)
    script = 'for each in ends begins runs; do read_stat "$each"; other_image; echo "$code"; done'
    assert said(shell, "identity", script, tmp_path).split() == ["gone", "replaced", "replaced"]
    script = 'for each in ends begins runs; do cp "$each" stat; gone_or_blind; echo "$code"; done'
    assert said(shell, "identity", script, tmp_path).split() == ["gone", "blind", "blind"]


def test_a_process_whose_name_looks_like_the_rest_of_its_stat_is_read(shell: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "dead").write_text(STAT.replace(") S ", ") Z "))
    script = 'read_stat stat && echo "$comm|$state|$start|$image|$ticks"; read_stat dead || echo zombie'
    assert said(shell, "identity", script, tmp_path) == "a) b) c|S|22|26:28|29\nzombie\n"


def test_a_status_that_was_not_read_whole_is_not_believed(shell: str, tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    script = 'read_status_once || echo half; echo "SigCgt:	0f" >>status; read_status_once && echo "$ns $uid $euid $caught"'  # noqa: E501
    assert said(shell, "identity", script, tmp_path) == "half\n3 1 2 0f\n"


@pytest.mark.parametrize("number", [1, 9, 10, 12, 31, 32, 33, 64])
def test_the_bit_of_a_signal_is_found_in_any_mask(shell: str, tmp_path: Path, number: int) -> None:
    only, but = 1 << number - 1, (1 << 64) - 1 - (1 << number - 1)
    script = f"mask_has {only:016x} {number} && echo set; mask_has {but:016x} {number} || echo clear"
    assert said(shell, "handlers", script, tmp_path) == "set\nclear\n"


def test_who_catches_and_does_not_block_a_signal_handles_it(shell: str, tmp_path: Path) -> None:
    for caught, mask, names in (("0a00", "", "usr1 usr2"), ("0a00", "fffffffc00000800", "usr1"), ("0200", "", "usr1")):
        script = f"caught={caught} mask={mask}; handles_usr1 && echo usr1; handles_usr2 && echo usr2; :"
        assert said(shell, "handlers", script, tmp_path).split() == names.split()


@pytest.mark.parametrize("size", [8, 16, 20, 32])
def test_the_gnu_build_id_is_read_from_the_note_at_the_begin_of_an_executable(
    shell: str, tmp_path: Path, size: int
) -> None:
    note = bytes.fromhex(f"04000000{size:02x}00000003000000") + b"GNU\0" + bytes(range(200, 200 + size))
    (tmp_path / "exe").write_bytes(b"\x7fELF" + b"\0\n\xff" * 300 + note + b"\x90" * 9000)
    (line,) = said(shell, "process_verbs", 'read_gnu_id; echo "$gnu_id"', tmp_path).splitlines()
    assert layout_in([("gnu", line)]).build_id == bytes(range(200, 200 + size)).hex()
    (tmp_path / "exe").write_bytes(b"#!/bin/sh\n")
    assert said(shell, "process_verbs", 'read_gnu_id; echo "$gnu_id"', tmp_path) == "\n"


def opened(folder: Path, *names: str) -> None:
    """A made-up /proc/PID: fd/N is a link to each file."""
    (folder / "fd").mkdir()
    for number, name in enumerate(names, 3):
        (folder / name).write_text("x")
        (folder / "fd" / str(number)).symlink_to(folder / name)


def test_open_profiles_are_told_from_other_files_and_those_are_not_listed_again(shell: str, tmp_path: Path) -> None:
    opened(
        tmp_path,
        "log",
        "orders-7-cpu-1128022951.pprof",
        "orders-8-mem-1128022951.pprof",
        "orders-7-mem-112802295.pprof",
    )
    script = 'pid=7 ns=7; scan_open_files; echo "$open_files$live_kinds|$unreadable"; list_unknown; echo "$unknown"'
    told = f"4 cpu 1128022951 {tmp_path}/orders-7-cpu-1128022951.pprof\n cpu|\n fd/4\n"
    assert said(shell, "identity open_files", script, tmp_path) == told


def test_a_descriptor_that_leads_elsewhere_by_now_is_listed_again(shell: str, tmp_path: Path) -> None:
    opened(tmp_path, "log")
    script = "pid=7 ns=7; scan_open_files; rm fd/3; ln -s ../orders-7-cpu-1128022951.pprof fd/3; : >orders-7-cpu-1128022951.pprof"  # noqa: E501
    assert said(shell, "identity open_files", f"{script}; list_unknown; echo $unknown", tmp_path) == "fd/3\n"


def test_a_process_that_holds_hundreds_of_files_is_looked_at_again_in_no_time(shell: str, tmp_path: Path) -> None:
    """Each of them was once searched in one long text: 50 files took seconds, and 300 longer than anybody waits."""
    opened(tmp_path, *(f"segment-{n:060}.log" for n in range(300)))
    script = 'pid=7 ns=7; scan_open_files; list_unknown || echo "none: $unknown"'
    assert said(shell, "identity open_files", script, tmp_path) == "none: \n"


def test_a_file_name_of_two_lines_is_never_taken_for_a_descriptor(shell: str, tmp_path: Path) -> None:
    opened(tmp_path, "log")
    (tmp_path / "fd" / "4").symlink_to("x\nlx fd/3$(touch${IFS}harm);touch${IFS}harm;x -> /y")
    script = 'pid=7 ns=7; list_unknown() { unknown="fd/3 fd/4"; }; scan_open_files; echo "$unreadable"; ls -d harm'
    assert said(shell, "identity open_files", script, tmp_path) == "unreadable\n"


def test_a_descriptor_that_vanishes_while_it_is_listed_and_is_used_again_is_listed_again(
    shell: str, tmp_path: Path
) -> None:
    opened(tmp_path, "orders-7-cpu-1128022951.pprof")
    script = 'ls() { [ -d listed ] || { mkdir listed; return 2; }; command ls "$@"; }\n'
    script += 'pid=7 ns=7; scan_open_files; echo "${open_files%% /*}|$unreadable"'
    assert said(shell, "identity open_files", script, tmp_path) == "3 cpu 1128022951|\n"


def test_a_list_of_open_files_that_nobody_could_make_is_not_an_empty_one(shell: str, tmp_path: Path) -> None:
    opened(tmp_path, "orders-7-cpu-1128022951.pprof")
    script = 'ls() { return 2; }; pid=7 ns=7; scan_open_files; echo "$open_files|$unreadable"'
    assert said(shell, "identity open_files", script, tmp_path) == "|blind\n"


@pytest.mark.parametrize("part", ["exe", "environ"])
@pytest.mark.parametrize(("ends", "code"), [("rm stat", "gone"), (":", "blind")])
def test_what_could_not_be_read_of_a_process_that_ended_meanwhile_is_no_fault_of_the_host(
    shell: str, tmp_path: Path, part: str, ends: str, code: str
) -> None:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / part).write_text("x")
    script = f'pid=9999999; tr() {{ {ends}; return 1; }}; read_executable && read_tmpdir || echo "$code"'
    assert said(shell, "identity program", script, tmp_path) == f"{code}\n"


@pytest.mark.parametrize(
    ("version", "mode"),
    [("v1.5.9", "toggle"), ("v1.6.0", "toggle"), ("v1.6.1", "timed"), ("v1.10.3", "timed"), ("v1.6.1-0.2026", ""), ("v2.0.0", ""), ("", "")],  # noqa: E501
)  # fmt: skip
def test_a_release_tells_what_the_signal_does(shell: str, tmp_path: Path, version: str, mode: str) -> None:
    script = f"pid=7; mode_of_release '{version}'; echo \"$release_mode\""
    assert said(shell, "identity program", script, tmp_path) == f"{mode}\n"


def test_an_executable_that_contradicts_itself_is_in_conflict(shell: str, tmp_path: Path) -> None:
    module = "github.com/zeromicro/go-zero"
    words = f"{module}/core/proc.StartProfile\ndep\t{module}\tv1.6.0"
    judge = 'judge_executable; echo "$mode $version $conflict"'
    assert said(shell, "identity program", f"words='{words}'; {judge}", tmp_path) == "toggle v1.6.0 \n"
    words += f"\n{module}/core/proc.Stopper.Stop-fm"
    assert said(shell, "identity program", f"words='{words}'; {judge}", tmp_path) == "conflict v1.6.0 table timed\n"


@pytest.mark.parametrize("said_there", [b"\x08go1.27.3", b"\x1ago1.27.3 X:staticlockranking"])
def test_gos_version_is_read_from_the_build_information_wherever_else_it_stands(
    shell: str, tmp_path: Path, said_there: bytes
) -> None:
    elsewhere = b"\0\0p?go1.27.3\0\0"  # right behind another constant
    (tmp_path / "exe").write_bytes(
        elsewhere + b"\xff Go buildinf:\x08\x02" + bytes(16) + said_there + b"\x88\x060w\xaf\0"
    )
    script = 'pid=7; read_executable && judge_executable; echo "$go_version"'
    assert said(shell, "identity program", script, tmp_path) == "go1.27.3\n"


def test_the_variables_of_a_program_are_its_writable_mappings(shell: str, tmp_path: Path) -> None:
    (tmp_path / "maps").write_text(
        "00400000-00500000 r-xp 00000000 fd:01 9 /srv/orders\n00500000-00501000 rw-p 00100000 fd:01 9 /srv/orders\n"
        "00501000-00503000 rw-p 00000000 00:00 0 \n7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [stack]\n"
    )
    script = "exe=/srv/orders; find_variables; echo $variables_from $variables_to"
    assert said(shell, "askers", script, tmp_path) == f"{0x500000} {0x503000}\n"


def test_the_counts_of_a_program_with_much_memory_are_found_by_one_short_look(shell: str, tmp_path: Path) -> None:
    (tmp_path / "maps").write_text(
        "00500000-00501000 rw-p 00100000 fd:01 9 /srv/orders\n00501000-02500000 rw-p 00000000 00:00 0 \n"
    )
    counts = struct.pack("<q65q", 0xC000012345 & ~7, *(int(number in (10, 12, 15)) for number in range(65)))
    with (tmp_path / "mem").open("wb") as memory:
        memory.seek(0x500F00)  # in the last page of what the file holds
        memory.write(counts)
        memory.truncate(0x2500000)
    watched = 'dd() { echo "$*" >>dd.log; command dd "$@"; }; exe=/srv/orders pid=7 mode=toggle mask=fffffffc3bba3000; '
    assert said(shell, "askers", f'{watched} count_askers; echo "$asks"', tmp_path) == "1 1\n"
    assert (tmp_path / "dd.log").read_text() == f"if=mem bs=4096 skip={0x500} count=256\n"


def test_free_space_is_a_number_of_kilobytes(shell: str, tmp_path: Path) -> None:
    assert said(shell, "space", "pid=7; read_free_space .; echo $free", tmp_path).strip().isdigit()


def test_a_journals_line_without_an_end_is_marked_and_counts_as_not_written(shell: str, tmp_path: Path) -> None:
    (tmp_path / TOKEN).write_text("base 1 2\nintent 7 22 26:28 toggle\nfile cpu 1128022951 1:2:3 /tmp/a b\nclose")
    script = f'home=. token={TOKEN}; read_journal && echo "$j_pid $j_mode$j_base|$j_files|$j_closed"; note closed'
    told = "7 toggle 1 2 |cpu 1128022951 1:2:3 /tmp/a b\n|\n"
    assert said(shell, "identity journal", script, tmp_path) == told
    assert (tmp_path / TOKEN).read_text().endswith("close ~cut~\nclosed\n")


def test_the_lock_of_a_dead_owner_is_taken_and_released(shell: str, tmp_path: Path) -> None:
    (tmp_path / "7-22.lock").write_text("99999999:1\n")
    script = "home=.; read_own_id; lock 7 22 && cat 7-22.lock; echo $own_id; unlock"
    first, second = said(shell, "identity journal lock", script, tmp_path).splitlines()
    assert first == second and not list(tmp_path.glob("*.lock"))


def test_a_signal_of_a_moment_ago_is_remembered(shell: str, tmp_path: Path) -> None:
    script = f"home=. token={TOKEN} pid=7 wanted_start=22; signalled_recently || echo no; mark_signalled; signalled_recently && echo yes"  # noqa: E501
    assert said(shell, "identity journal signals", script, tmp_path) == "no\nyes\n"


def test_files_are_told_by_their_identity_and_not_by_their_name(shell: str, tmp_path: Path) -> None:
    good, other = tmp_path / "good file", tmp_path / "other"
    good.write_text("12345")
    other.write_text("1")
    id_ = f"{good.stat().st_dev}:{good.stat().st_ino}:{good.stat().st_uid}"
    entries = f"cpu 1128022951 {id_} {good}\nmem 1128022951 {id_} {other}\n"
    script = f"home=. token={TOKEN} j_pid=0 j_start=0 j_files='{entries}'; report_files; printf %s \"$out\""
    told = "file cpu 1128022951 5\nfile mem 1128022951 vanished\n"
    assert said(shell, "identity open_files files", script, tmp_path) == told


def test_files_that_nobody_could_look_at_are_not_told_as_vanished(shell: str, tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("12345")
    script = f"""
    home=. token={TOKEN} j_pid=0 j_start=0 j_files='cpu 1128022951 1:2:3 {tmp_path}/profile
'
    stat() {{ return 126; }}; code=finished; report_files; echo "$code|$out"
    """
    assert said(shell, "identity open_files files", script, tmp_path) == "blind|\n"


def test_files_that_nobody_could_look_at_are_not_passed_over(shell: str, tmp_path: Path) -> None:
    (tmp_path / "orders-7-cpu-1128022951.pprof").write_text("12345")
    script = """
    find_profile_dir() { profile_dir=.; }; stat() { return 126; }
    ns=7 uid=0 euid=0 j_base='' j_files='' unreadable=''; find_files || echo "$unreadable"
    """
    assert said(shell, "identity open_files files", script, tmp_path) == "blind\n"


def test_what_a_command_wrote_is_not_lost_where_nobody_could_look_at_it(shell: str, tmp_path: Path) -> None:
    folder = tmp_path / f"{TOKEN}.d"
    folder.mkdir()
    (folder / "output").write_text("12345")
    (tmp_path / TOKEN).write_text("intent 7 22 26:28 command\n")
    script = f"home=$PWD token={TOKEN}; read_journal; "
    blind = 'stat() { return 126; }; settle_command 0; echo "$j_closed|$j_files"'
    assert said(shell, "identity journal files commands", script + blind, tmp_path) == "|\n"
    seen = 'settle_command; echo "$j_closed|${j_files##*/}"'
    assert said(shell, "identity journal files commands", script + seen, tmp_path) == "1|output\n\n"


def test_a_recording_is_known_to_be_on_only_where_all_of_its_files_are_held(shell: str, tmp_path: Path) -> None:
    script = (
        "j_files='cpu 1\nmem 1\ntrace 1\n'; held=' cpu mem mutex block threadcreate'; all_held && echo all; "
        "held=' cpu mem mutex block'; all_held || echo some; held=' trace'; any_held || echo none"
    )
    assert said(shell, "recording", script, tmp_path) == "all\nsome\nnone\n"


def test_a_process_that_was_just_seen_stopped_has_not_ignored_the_signal(shell: str, tmp_path: Path) -> None:
    stub = f"token={TOKEN}; read_status() {{ :; }}; can_take_signal() {{ [ $awake = yes ]; }}; "
    steps = "for step in 10:yes 14:yes 18:yes 19:no 20:yes; do now=${step%:*} awake=${step#*:}; was_ignored && echo $now; done"  # noqa: E501
    assert said(shell, "ending", stub + steps, tmp_path) == "18\n"


def test_a_recipe_that_the_gate_was_not_given_is_refused(shell: str, tmp_path: Path) -> None:
    script = f"r_{TOKEN}() {{ what=signal; }}; use_recipe {TOKEN} signal && echo known; use_recipe {TOKEN[::-1]} signal || echo $code"  # noqa: E501
    assert said(shell, "recipes", script, tmp_path) == "known\nrecipe\n"


def test_a_process_of_the_commands_has_its_token_in_its_environment(shell: str, tmp_path: Path) -> None:
    (tmp_path / "environ").write_text(f"A=1\nALERTPROF={TOKEN}\nB=2")
    script = f"token={TOKEN}; has_token && echo ours; token={TOKEN[::-1]}; has_token || echo other"
    assert said(shell, "commands", script, tmp_path) == "ours\nother\n"


def test_links_and_names_of_two_lines_are_no_files_that_a_signal_left(shell: str, tmp_path: Path) -> None:
    (tmp_path / "dump-1").write_text("12")
    (tmp_path / "dump-2").symlink_to("dump-1")
    (tmp_path / "dump-\n3").write_text("")
    script = "fitting=''; set +f; fits dump-*; printf %s \"$fitting\""
    lines = said(shell, "signal_files", script, tmp_path).splitlines()
    assert [line.split()[3] for line in lines] == ["2"] and lines[0].endswith(" dump-1")


VERBS = "identity process_verbs network_verbs container_verbs start_verbs recipe_verbs token_verbs file_verbs"
VERBS += " groups scene samples log_verbs"
WRONG = ["look", "look 1", "see 07", "listen 99999", "ports x", "code 12345678", "start 7 1 1:1 toggle 30", "dump 7"]
WRONG += [
    f"start 7 1 1:1 off 30 {TOKEN}",
    f"run 7 1 1:1 zz 30 {TOKEN}",
    "signal 7",
    "status",
    "stop 0",
    f"fetch {TOKEN} cpu",
]
WRONG += [
    "drop ../x",
    "scene x",
    "around 7",
    "around 1 22 1:1",
    f"sample 7 1 1:1 x {TOKEN}",
    f"sample 7 1 1:1 30 {TOKEN} x",
    "samples 7",
    "unsample ../x",
]
WRONG += ["log", f"log {TOKEN}", f"log {TOKEN} x", "variables 7 1 1:1", "variables 7 1 1:1 ../x"]


def test_every_verb_refuses_words_of_another_shape(shell: str, tmp_path: Path) -> None:
    script = "".join(f"code=error; verb_{words}; echo $code\n" for words in WRONG)
    assert said(shell, VERBS, script, tmp_path).split() == ["bad"] * len(WRONG)


def test_a_process_is_listed_whatever_its_name_is(shell: str, tmp_path: Path) -> None:
    fields = "R 1 " + " ".join(str(n) for n in range(5, 53))
    names = {7: "a\nb", 8: "x) R 1\n2", 9: "\n1 (pg) R", 10: "orders"}
    (tmp_path / "stats").write_text("".join(f"{pid} ({name}) {fields}\n" for pid, name in names.items()))
    script = "cat() { command cat stats; }; list_processes"
    told = [f"process {pid} R 29 24 22 {name}" for pid, name in names.items()]
    told = [line.replace("\n", "?") for line in told]
    assert said(shell, "scene", script, tmp_path).splitlines() == told


def test_what_was_read_of_a_process_that_runs_another_program_by_now_is_of_nobody(shell: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    script = f"""pin_process() {{ read_stat stat; }}; use_recipe() {{ :; }}; r_{TOKEN}() {{ code=ok; }}
print_around() {{ echo 'threads 1'; }}; read_page_size() {{ page_size=4; }}
asked() {{ code=error out=; verb_around 7 22 26:28; echo "$code $out"; verb_variables 7 22 26:28 {TOKEN}; echo $code; }}
asked; read_stat() {{ image=36:38; }}; asked"""
    told = ["ok page 4", "threads 1", "", "ok"]
    found = said(shell, "identity scene log_verbs", script, tmp_path).splitlines()
    assert found == [*told, "replaced ", "replaced"]


@pytest.mark.parametrize(("at", "found"), [(3, "fffffffc3bba3000"), (150, "fffffffc3bba3000"), (-1, "")])
def test_the_signal_thread_is_found_among_however_many(shell: str, tmp_path: Path, at: int, found: str) -> None:
    for number in range(200):
        (tmp_path / "task" / str(number)).mkdir(parents=True)
        mask = "fffffffc3bba3000" if number == at else "0000000000000000"
        (tmp_path / "task" / f"{number}" / "status").write_text(f"Name:\tSigBlk: fffffffc\nSigBlk:\t{mask}\n")
    script = 'pid=7; find_signal_thread && echo "$mask"'
    assert said(shell, "identity handlers", script, tmp_path) == f"{found}\n"


def test_the_switch_signals_only_who_would_take_it_at_once(shell: str, tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/no/such/group\n")
    seen = ["S 00 0", "T 00 0", "D 00 0", "S 0800 0", "S 00 9"]
    script = "try() { state=$1 pending=$2 tracer=$3; can_take_signal && echo yes || echo no; }\n"
    script += "".join(f"try {words}\n" for words in seen)
    assert said(shell, "switch", script, tmp_path).split() == ["yes", "no", "no", "no", "no"]


@pytest.mark.parametrize(("due", "stop", "answer"), [(99, "", "yes"), (101, "", "no"), ("", "", "no"), (99, 90, "no")])
def test_what_had_to_end_by_itself_is_overdue_after_its_time_only(
    shell: str, tmp_path: Path, due: object, stop: object, answer: str
) -> None:
    script = "read_uptime() { now=100; }; can_take_signal() { :; }\n"
    script += f"j_due={due} j_stop={stop}; is_overdue && echo yes || echo no"
    assert said(shell, "switch", script, tmp_path) == f"{answer}\n"


def test_a_directory_counts_as_inside_the_root_below_it_only(shell: str, tmp_path: Path) -> None:
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    script = """
    place() { (cd "$1" && pwd -P); }
    same_file() { case $2 in /proc/7/root) set -- "$1" "$top/root" ;; esac; [ "$(place "$1")" = "$(place "$2")" ]; }
    top=$PWD pid=7
    cd root/a/b && is_inside_root && echo inside
    cd ../../.. && is_inside_root || echo outside
    """
    assert said(shell, "directory", script, tmp_path) == "inside\noutside\n"


def test_the_last_words_of_a_command_are_told_one_by_one_and_nothing_else(shell: str, tmp_path: Path) -> None:
    (tmp_path / f"{TOKEN}.d").mkdir()
    (tmp_path / f"{TOKEN}.d" / "said").write_text("".join(f"line {n} * $x\n" for n in range(12)))
    script = f"home=$PWD token={TOKEN} j_exit=3; report_last_words; printf '%s' \"$out\""
    words = [f"error line {n} * $x" for n in range(2, 12)]
    assert said(shell, "command_states", script, tmp_path).splitlines() == ["exit 3", *words]


def test_the_last_signal_is_sent_once_and_once_more_after_eight_seconds(shell: str, tmp_path: Path) -> None:
    script = """
    read_uptime() { now=$at; }; may_take() { :; }; signalled_recently() { false; }; mark_signalled() { :; }
    note_stop() { j_stop=$now; }; note() { j_again=$now; }; send_signal() { echo "$1 at $at"; }
    files_are_ready() { false; }; files_are_closed() { false; }
    j_stop='' j_again='' j_image=1:1 fresh=''
    for at in 10 11 17 18 30; do end_by_signal USR1 10 USR2 12; done
    """
    assert said(shell, "signal_ending", script, tmp_path) == "USR2 at 10\nUSR2 at 18\n"


def test_a_toggle_that_has_ended_by_itself_is_not_signalled_again(shell: str, tmp_path: Path) -> None:
    script = """
    files_are_closed() { :; }; send_signal() { echo sent; }
    j_stop='' fresh=x; end_by_signal USR2 12 USR2 12 && echo over
    """
    assert said(shell, "signal_ending", script, tmp_path) == "over\n"


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="a gate without systemd is NOT tested: it runs here")
def test_without_systemd_no_timer_is_armed_and_none_is_missed(shell: str, tmp_path: Path) -> None:
    script = "home=$PWD user=0; arm_timer 5; echo $?; ls"
    assert said(shell, "timer", script, tmp_path) == "0\n"
