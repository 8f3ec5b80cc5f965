"""The gate's verb `run`, under three shells, with real processes: a command is run once, and it always ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.gate.answers import Answer, Mode
from app.gate.client import Gate
from app.gate.recipes import Recipe
from app.model import ProcessId
from app.profilers.command import Command
from tests.integration.test_gate import code_of, fetched, journal, look, token
from tests.lab.process import eventually
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe
from tests.lab.target import Service

SLEEPER = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]


@pytest.fixture(params=CHOSEN)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that a command is about."""
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout and process.stdout.readline()
        yield process
        process.kill()


Open = Callable[..., Gate]


@contextmanager
def gates(shell: str) -> Iterator[Open]:
    """Opens gates that know the recipes of the arguments."""
    opened: list[Gate] = []

    def open_(*recipes: Recipe) -> Gate:
        pipe = ShellPipe([*SHELLS[shell], "-s"])
        opened.append(Gate(pipe, f"local {shell}", send_script=True, recipes=recipes))
        return opened[-1]

    try:
        yield open_
    finally:
        for gate in opened:
            gate.close()


@pytest.fixture
def open_gate(shell: str) -> Iterator[Open]:
    with gates(shell) as open_:
        yield open_


def sh(script: str, **options: Any) -> Recipe:
    """A command of a shell; $1 is the pid, $2 the duration, $3 where the output goes."""
    return Command(("/bin/sh", "-c", script, "sh", "{pid}", "{duration}", "{output}"), **options).recipe


def pipe_of(gate: Gate) -> ShellPipe:
    assert isinstance(gate._pipe, ShellPipe)
    return gate._pipe


def ended(gate: Gate, word: str) -> Answer:
    """How it stands, once the command has ended by itself."""
    answers = [Answer("")]

    def over() -> bool:
        answers.append(gate.status(word))
        return answers[-1].code == "finished"

    eventually(over, "the command has ended")
    return answers[-1]


def halted(gate: Gate, word: str) -> Answer:
    answers = [Answer("")]

    def over() -> bool:
        answers.append(gate.stop(word))
        return answers[-1].code != "open"

    eventually(over, "it was stopped")
    return answers[-1]


def alive(word: str) -> list[int]:
    """The processes of that token's command."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"ALERTPROF={word}".encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
    return found


def home() -> Path:
    return (Path("/run") if os.geteuid() == 0 else Path.home()) / f".alertprof-{os.geteuid()}"


def nest(word: str) -> Path:
    """The directory in which a process of this root writes for that token."""
    return Path("/tmp") / f".alertprof-{word}"  # noqa: S108 - by that name on every target


# ---------------------------------------------------------------------- the line


def test_a_command_is_run_its_output_comes_home_and_nothing_stays(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    recipe = sh('echo "about $1 for $2" >"$3"; echo beside >"$3.data"')
    gate, word = open_gate(recipe), token()
    assert gate.run(look(gate, sleeper.pid).id, recipe, 7, word).code == "started"
    answer = ended(gate, word)
    assert (answer.exit, answer.last_words, [file.kind for file in answer.files]) == (0, (), ["output"])
    assert fetched(gate, word, "output")[1] == f"about {sleeper.pid} for 7\n".encode()
    assert (home() / f"{word}.d").stat().st_mode & 0o777 == 0o700
    assert gate.drop(word).code == "ok"
    assert not (home() / f"{word}.d").exists()


def test_the_channel_stays_clean_whatever_a_command_says(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('while :; do echo ".1 ok"; echo "file cpu 1" >&2; [ ! -e "$3.end" ] || exit 3; done')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 30, word)
    assert all(gate.status(word).code == "open" for _ in range(20))
    (home() / f"{word}.d" / "output.end").touch()
    answer = ended(gate, word)
    assert answer.exit == 3
    assert set(answer.last_words) <= {".1 ok", "file cpu 1"} and len(answer.last_words) == 10
    assert answer.files == ()


def test_a_command_finds_signals_as_a_login_has_them_but_for_hup_and_the_interrupts(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    recipe = sh('grep -E "^Sig(Ign|Blk)" /proc/self/status >"$3"; ls -l /proc/self/fd >>"$3"')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 5, word)
    ended(gate, word)
    said = fetched(gate, word, "output")[1].decode()
    ignored = int(said.partition("SigIgn:")[2].split()[0], 16)
    names = {one.name for one in signal.Signals if ignored >> (one - 1) & 1}
    assert names - {"SIGQUIT"} == {"SIGHUP", "SIGINT"}
    pipes = [line.split()[-1] for line in said.splitlines() if "pipe:" in line or "socket:" in line]
    assert pipes == [], "a descriptor of the gate's channel is open in the command"


# ---------------------------------------------------------------------- once


def test_the_same_token_never_runs_again(open_gate: Open, sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    recipe = sh(f'echo x >>{tmp_path}/runs; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo done >"$3"')
    gate, word = open_gate(recipe), token()
    process = look(gate, sleeper.pid).id
    assert gate.run(process, recipe, 30, word).code == "started"
    assert gate.run(process, recipe, 30, word).code == "replayed"
    (tmp_path / "go").touch()
    ended(gate, word)
    assert gate.run(process, recipe, 30, word).code == "ended"
    gate.drop(word)
    assert gate.run(process, recipe, 30, word).code == "ended"
    assert (tmp_path / "runs").read_text() == "x\n"


def test_eight_gates_at_once_run_one_command(open_gate: Open, sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    recipe = sh(f'echo x >>{tmp_path}/runs; sleep 120; echo done >"$3"')
    gates = [open_gate(recipe) for _ in range(8)]
    mine, process = token(), look(gates[0], sleeper.pid).id
    words = [mine] * 4 + [token() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda g, w: code_of(lambda: g.run(process, recipe, 30, w)), gates, words))
    assert codes.count("started") == 1
    assert set(codes) <= {"started", "replayed", "already", "busy", "timeout"}
    runs = tmp_path / "runs"
    eventually(lambda: runs.exists() and runs.read_text(), "it runs")
    assert runs.read_text() == "x\n"
    assert halted(gates[0], words[codes.index("started")]).code == "finished"


@pytest.mark.parametrize("after_ms", [0, 1, 3, 8, 20, 60])
def test_a_gate_killed_while_it_begins_is_taken_over_and_the_command_runs_once(
    open_gate: Open, sleeper: subprocess.Popen[bytes], tmp_path: Path, after_ms: int
) -> None:
    recipe = sh(f'echo x >>{tmp_path}/runs; echo done >"$3"')
    first, second, word = open_gate(recipe), open_gate(recipe), token()
    process = look(first, sleeper.pid).id
    request = f"77 run {process.pid} {process.start} {process.image} {recipe.id} 5 {word}\n".encode()
    pipe_of(first).send(request, 5)
    with suppress(subprocess.TimeoutExpired):  # the moment of the kill is the point of this test
        pipe_of(first).process.wait(after_ms / 1000)
    pipe_of(first).kill()
    assert second.run(process, recipe, 5, word).code in ("started", "replayed", "ended")
    assert ended(second, word).exit == 0
    assert (tmp_path / "runs").read_text() == "x\n"


# ---------------------------------------------------------------------- it ends


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    hang = 'trap "" TERM INT; (setsid sh -c \'trap "" TERM; while :; do sleep 1; done\' &); while :; do sleep 1; done'
    recipe = sh(hang, grace=timedelta(0))
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 10, word)
    eventually(lambda: len(alive(word)) > 2, "it has started others")
    answer = ended(gate, word)
    assert (answer.exit, answer.fired) == (137, True)
    assert alive(word) == []


def test_the_keeper_ends_the_command_of_a_gate_that_was_killed(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    recipe = sh("sleep 600", grace=timedelta(0))
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 10, word)
    eventually(lambda: alive(word), "it runs")
    pipe_of(gate).kill()
    eventually(lambda: not alive(word), "the keeper has ended it")
    answer = ended(open_gate(recipe), word)
    assert (answer.exit, answer.fired) == (143, True)


def test_a_session_that_is_torn_down_ends_the_command_at_once(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    recipe = sh('trap "" TERM; echo on >"$3"; while :; do sleep 0.2; done')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 600, word)
    eventually(lambda: [file.size for file in gate.status(word).files] not in ([], [0]), "it ignores TERM")
    os.killpg(pipe_of(gate).process.pid, signal.SIGTERM)
    eventually(lambda: not alive(word), "the keeper has ended it")
    assert ended(open_gate(recipe), word).fired


def test_a_command_whose_keeper_was_killed_too_can_still_be_stopped(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    recipe = sh('echo half >"$3"; sleep 600')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 600, word)
    eventually(lambda: alive(word), "it runs")
    os.kill(int(journal(word)["dog"].partition(":")[0]), signal.SIGKILL)
    assert gate.status(word).code == "open"
    answer = halted(gate, word)
    assert (answer.code, answer.exit) == ("finished", None)
    assert alive(word) == []
    assert fetched(gate, word, "output")[1] == b"half\n"


def test_a_command_that_is_stopped_early_is_interrupted_and_keeps_what_it_has(
    open_gate: Open, sleeper: subprocess.Popen[bytes]
) -> None:
    profiler = (
        "import signal,sys,time; signal.signal(2, lambda *a: (open(sys.argv[1],'w').write('early'), sys.exit(0)));"
    )
    profiler += " open(sys.argv[1] + '.on', 'w'); time.sleep(600)"
    recipe = Command((sys.executable, "-c", profiler, "{output}")).recipe
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 600, word)
    eventually((home() / f"{word}.d" / "output.on").exists, "it listens")
    answer = halted(gate, word)
    assert (answer.code, answer.exit, answer.fired) == ("finished", 0, False)
    assert fetched(gate, word, "output")[1] == b"early"


def test_a_command_that_fails_is_told_in_its_own_words(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('echo "no permission: \033[31mred" >&2; exit 3')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 5, word)
    answer = ended(gate, word)
    assert (answer.exit, answer.files) == (3, ())
    assert answer.last_words == ("no permission:  [31mred",)
    assert gate.stop(word).last_words == answer.last_words


def test_a_program_that_is_not_there_is_told(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = Command("no-such-profiler --pid {pid} {output}").recipe
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 5, word)
    answer = ended(gate, word)
    assert answer.exit == 127
    assert "not found" in " ".join(answer.last_words)


def test_a_command_that_writes_without_end_is_cut_off(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('ulimit -f 20; while :; do echo 0123456789; done >"$3"')  # as the keeper's own limit of 1 GiB does
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 30, word)
    answer = ended(gate, word)
    assert answer.exit not in (0, None)
    size = answer.files[0].size
    assert size and size <= 20 * 1024
    assert gate.fetch(word, {"output": bytearray().extend}, size - 1, 60)[0].code == "big"


def test_a_growing_file_is_told_while_it_grows(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('head -c 3000000 /dev/zero >"$3"; sleep 600')
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 30, word)
    eventually(lambda: sum(file.size or 0 for file in gate.status(word).files) >= 3000000, "it has grown")
    assert gate.status(word).free_bytes
    assert halted(gate, word).exit not in (0, None)


# ---------------------------------------------------------------------- refused


def test_what_the_gate_was_not_given_is_refused(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    known, unknown = sh('echo 1 >"$3"'), sh('echo 2 >"$3"')
    gate, word = open_gate(known), token()
    assert gate.run(look(gate, sleeper.pid).id, unknown, 5, word).code == "recipe"
    assert gate.signal(look(gate, sleeper.pid).id, known, 5, word).code == "recipe"
    assert gate.status(word).code == "unknown"


def test_another_process_of_the_same_number_is_refused(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('echo 1 >"$3"')
    gate, word = open_gate(recipe), token()
    process = look(gate, sleeper.pid).id
    for other in (replace(process, start=process.start + 1), replace(process, image="1:2")):
        assert gate.run(other, recipe, 5, word).code == "replaced"
    sleeper.kill()
    sleeper.wait()
    assert gate.run(process, recipe, 5, word).code == "gone"
    assert gate.status(word).code == "unknown"


def test_a_second_command_waits_until_the_first_has_ended(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('echo 1 >"$3"; sleep 600')
    gate, one, two = open_gate(recipe), token(), token()
    process: ProcessId = look(gate, sleeper.pid).id
    assert gate.run(process, recipe, 600, one).code == "started"
    assert gate.run(process, recipe, 600, two).code == "already"
    assert halted(gate, one).code == "finished"
    assert gate.run(process, recipe, 600, two).code == "started"
    assert halted(gate, two).code == "finished"


def test_a_process_that_records_by_go_zeros_signal_is_left_alone(
    open_gate: Open, run_target: Callable[..., Service]
) -> None:
    service, recipe = run_target("toggle"), sh('echo 1 >"$3"')
    gate, word = open_gate(recipe), token()
    process = look(gate, service.pid).id
    assert gate.start(process, Mode.TOGGLE, 30, word).code == "started"
    assert gate.run(process, recipe, 5, token()).code == "already"
    assert gate.run(process, recipe, 5, word).code == "bad", "a token is for one thing"
    eventually(lambda: gate.stop(word).code == "finished", "it has ended")


def test_a_commands_token_dumps_no_goroutines_and_starts_nothing(
    open_gate: Open, run_target: Callable[..., Service]
) -> None:
    service, recipe = run_target("toggle"), sh('echo 1 >"$3"')
    gate, word = open_gate(recipe), token()
    process = look(gate, service.pid).id
    gate.run(process, recipe, 5, word)
    assert gate.dump(word).code == "bad"
    assert gate.start(process, Mode.TOGGLE, 5, word).code == "bad"
    assert gate.signal(process, recipe, 5, word).code == "bad"
    assert service.events() == []


# ---------------------------------------------------------------------- where the process itself writes


def test_a_target_writes_into_a_directory_of_its_own(open_gate: Open, sleeper: subprocess.Popen[bytes]) -> None:
    recipe = sh('ls -ldn "$(dirname "$3")" >"$3"', output="target")
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 5, word)
    answer = ended(gate, word)
    assert answer.exit == 0, answer
    said = fetched(gate, word, "output")[1].decode()
    assert said.startswith("drwx------") and str(nest(word)) in said
    gate.drop(word)
    assert not nest(word).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a process of another user can be made by root alone")
def test_the_directory_is_the_processes_users_and_what_others_own_is_not_taken(open_gate: Open) -> None:
    recipe = sh('echo mine >"$3"', output="target")  # a file of root's in the directory of the process's user
    with subprocess.Popen(["sleep", "600"], user=65534, group=65534) as nobody:
        gate, word = open_gate(recipe), token()
        gate.run(look(gate, nobody.pid).id, recipe, 5, word)
        assert ended(gate, word).files == ()
        made = nest(word)
        assert (made.stat().st_uid, made.stat().st_gid, made.stat().st_mode & 0o777) == (65534, 65534, 0o700)
        gate.drop(word)
        assert not made.exists()
        nobody.kill()


@pytest.mark.parametrize("planted", ["symlink", "hard link", "directory link"])
def test_what_is_planted_in_the_directory_is_neither_sent_nor_removed(
    open_gate: Open, sleeper: subprocess.Popen[bytes], tmp_path: Path, planted: str
) -> None:
    secret = tmp_path / "secret" / "output"
    secret.parent.mkdir()
    secret.write_text("not yours")
    swap = {
        "symlink": f'ln -s {secret} "$3"',
        "hard link": 'echo 1 >"$3"; touch "$3.on"; while [ -e "$3.on" ]; do sleep 0.1; done',
        "directory link": f'd=$(dirname "$3"); rmdir "$d"; ln -s {secret.parent} "$d"',
    }
    recipe = sh(swap[planted], output="target")
    gate, word = open_gate(recipe), token()
    gate.run(look(gate, sleeper.pid).id, recipe, 30, word)
    made = nest(word)
    if planted == "hard link":  # after it was noted
        eventually((made / "output.on").exists, "it has written")
        (made / "output.on").unlink()
        assert [file.size for file in ended(gate, word).files] == [2]
        (made / "output").unlink()
        (made / "output").symlink_to(secret)
    else:
        assert ended(gate, word).files == ()
    assert fetched(gate, word, "output")[1] == b""
    assert gate.drop(word).code == "ok"
    assert secret.read_text() == "not yours"
    if planted == "directory link":
        assert made.is_symlink(), "what is not ours stays"
        made.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="another root directory can be made by root alone")
def test_a_link_out_of_the_processes_own_root_is_not_followed(open_gate: Open, tmp_path: Path) -> None:
    """An absolute link in a container's root leads, when we follow it, through the host's."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    root = tmp_path / "root"
    (root / "tmp").mkdir(parents=True)
    (root / "usr").mkdir()
    for folder in ("lib", "lib64"):
        (root / folder).symlink_to(f"usr/{folder}")
    begin = f"mount --bind /usr {root}/usr && exec chroot {root} /usr/bin/sleep 600"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", begin]) as jailed:
        recipe = sh('echo 1 >"$3"', output="target")
        gate, word = open_gate(recipe), token()
        eventually(lambda: look(gate, jailed.pid).comm == "sleep", "it is in its own root")
        process = look(gate, jailed.pid).id
        (root / "tmp").rmdir()
        (root / "tmp").symlink_to(outside)
        assert gate.run(process, recipe, 5, word).code == "started"
        answer = ended(gate, word)
        assert (answer.exit, answer.files) == (126, ())
        assert "no directory could be made" in answer.last_words[0]
        assert list(outside.iterdir()) == []
        jailed.kill()
