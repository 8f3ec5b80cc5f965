"""A host that was taken over: whatever it answers is bounded in time and memory, and told in a sentence."""

import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import AlertprofError, Code, Retryable
from app.gate.answers import Mode
from app.gate.client import Gate
from app.gate.entry import SENT_COMMAND
from app.hosts.ssh import Connector
from app.model import ProcessId
from tests.integration.hostile import ENDS, PIECE, Behaviour, HostileHost, Session
from tests.lab import ports
from tests.lab.process import eventually

MUCH = 64 << 20  # bytes; far more than windows and the buffers of sockets hold
LONG = 60.0
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def endlessly(say: Callable[[bytes], None], data: bytes) -> None:
    for _ in range(MUCH // len(data)):
        say(data)


def nonsense(session: Session) -> None:
    session.say(bytes(range(256)) * 20 + b"\n")


def silence(session: Session) -> None:
    session.question()


def line_without_end(session: Session) -> None:
    endlessly(session.say, PIECE)


def drip_of_a_greeting(session: Session) -> None:
    for byte in b"ready 1 4d9c6c86-0d0c-4b0e-9f0e-1a2b3c4d5e6f dash\n":
        session.say(bytes([byte]))
        time.sleep(0.2)


def answers(answer: bytes) -> Behaviour:
    """Greets well; then `answer` to a question, with # for its number."""

    def behave(session: Session) -> None:
        session.ready()
        number = session.question()
        session.say(answer.replace(b"#", number))
        session.question()

    return behave


def lines_without_end(session: Session) -> None:
    session.ready()
    session.question()
    endlessly(session.say, b"process 7 7 7:7 x\n" * 1000)


def drip_of_an_answer(session: Session) -> None:
    session.ready()
    session.question()
    while True:
        session.say(b"process 7 7 7:7 x\n"[:1])
        time.sleep(0.2)


def more_than_the_window(session: Session) -> None:
    session.ready()
    session.question()
    endlessly(session.force, PIECE)


def more_than_the_window_on_stderr(session: Session) -> None:
    session.ready()
    session.question()
    endlessly(lambda data: session.force(data, stderr=True), PIECE)


def reached(host: HostileHost, timeout: float = 0.7) -> Gate:
    connection = Connector(host.settings).connect("127.0.0.1")
    try:
        return Gate(connection.open(SENT_COMMAND), "127.0.0.1", send_script=True, timeout=timeout)
    except AlertprofError:
        connection.close()
        raise


@pytest.mark.parametrize(
    "behave",
    [
        nonsense, silence, line_without_end, drip_of_a_greeting, lines_without_end, drip_of_an_answer,
        more_than_the_window, more_than_the_window_on_stderr,
        answers(b".999 ok\n"), answers(b"\xff\xfe\x00\n"), answers(b".# OK\n"), answers(b".# ok;rm\n"),
        answers(b".\n"), answers(b". ok\n"), answers(b"look\n" * 100 + b"..# ok\n"),
    ],
)  # fmt: skip
def test_a_hostile_answer_is_passing_bounded_and_told(tmp_path: Path, behave: Behaviour) -> None:
    with HostileHost(tmp_path, behave) as host:
        begin = time.monotonic()
        with pytest.raises(Retryable) as caught:
            reached(host).processes()
        assert time.monotonic() - begin < LONG
        assert caught.value.reason.code is Code.HOST_UNREACHABLE
        assert "127.0.0.1" in caught.value.reason.message
        assert caught.value.reason.message.isprintable()
        assert len(caught.value.reason.message) < 500
        assert host.sent < MUCH // 2


@pytest.mark.parametrize("stderr", [False, True])
def test_a_host_that_floods_while_nobody_reads_is_cut_off(tmp_path: Path, stderr: bool) -> None:
    """Between two questions a connection stays open for minutes."""

    def behave(session: Session) -> None:
        session.ready()
        endlessly(lambda data: session.force(data, stderr=stderr), PIECE)

    with HostileHost(tmp_path, behave) as host:
        connection = Connector(host.settings).connect("127.0.0.1")
        with suppress(Retryable):  # it may be cut off before the command counts as begun
            connection.open(SENT_COMMAND)
        eventually(lambda: not connection.alive, "the connection is cut", LONG)
        assert host.sent < MUCH // 2


def test_a_process_described_with_anything_is_understood_or_refused(tmp_path: Path) -> None:
    facts = b"pid 7\nstart 1\nimage 1:1\nstate S\nuid 0\nnspid 7\ntracer 0\nmode toggle\nuptime 1\n"
    masks = [b"mask zz\ncaught 0\n", b"mask 0\ncaught " + b"f" * 9000 + b"\n", b"", b"mask 0\ncaught 0\nfree -1\n"]
    for number, mask in enumerate(masks):
        (folder := tmp_path / str(number)).mkdir()
        with HostileHost(folder, answers(facts + mask + b".# ok\n")) as host, suppress(Retryable):
            process = reached(host).look(7)
            assert process is None or not process.catches or process.id.pid == 7


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"size 99999999999999999999\n.# toobig\n", "toobig"),
        (b"size 99999999999999999999\n" + b"x" * 70000, None),
        (b"size 100000000000000000000000\n.# ok\n", None),
        (b"size -1\n.# ok\n", None),
        (b"size 5 6\n.# ok\n", None),
        (b"size 5\nabc", None),  # and no more
        (b"size 3\nabcdefg\n.# ok\n", None),
        (b"size 3\nabc.# changed\n", "changed"),
        (b"size 3\nabc.# ok\n", "ok"),
    ],
)
def test_a_file_of_any_announced_size_writes_no_more_than_was_asked_for(
    tmp_path: Path, answer: bytes, code: str | None
) -> None:
    got = bytearray()
    with HostileHost(tmp_path, answers(answer)) as host:
        try:
            deadlines = LONG if code else 0.7
            said = reached(host, deadlines).fetch(TOKEN, {"cpu": got.extend}, 1000, deadlines)[0].code
        except Retryable:
            said = None
    assert said == code
    assert len(got) <= 3 or bytes(got) in answer


def test_what_a_host_claims_of_a_recording_holds_no_name_of_its_choice(tmp_path: Path) -> None:
    lines = b"file ../../etc 1700000000 5\nfile cpu 17 5\nfile cpu 1700000000 -5\nfile cpu 1700000000 5\nopen <b> ;x\n"
    with HostileHost(tmp_path, answers(lines + b".# ok\n")) as host:
        answer = reached(host, LONG).start(ProcessId("b", 7, 1, "1:1"), Mode.TOGGLE, 1, TOKEN)
    assert [(file.kind, file.stamp, file.size) for file in answer.files] == [("cpu", "1700000000", 5)]


# --- before anybody knows who speaks ---


def greeting_without_end(peer: socket.socket) -> None:
    endlessly(peer.sendall, PIECE)


def greeting_lines_without_end(peer: socket.socket) -> None:
    endlessly(peer.sendall, b"hello\r\n" * 1000)


def greeting_of_escapes(peer: socket.socket) -> None:
    peer.sendall(b"\x1b[2J\x1b]0;owned\x07\xe2\x80\xae\r\n" * 150)


def greeting_that_drips(peer: socket.socket) -> None:
    for _ in range(300):
        peer.sendall(b"S")
        time.sleep(0.1)


def packet_of_two_gigabytes(peer: socket.socket) -> None:
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + struct.pack(">I", 0x7FFFFFFC))
    endlessly(peer.sendall, PIECE)


def packets_of_nonsense(peer: socket.socket) -> None:
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(256)) * 1000)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (greeting_without_end, "does not speak SSH"),
        (greeting_lines_without_end, "Indecipherable"),
        (greeting_of_escapes, r"\x1b[2J"),
        (greeting_that_drips, ""),
        (packet_of_two_gigabytes, "a packet of 2147483640 bytes"),
        (packets_of_nonsense, ""),
    ],
)
def test_a_hostile_greeting_is_passing_bounded_and_told(
    tmp_path: Path, raw: Callable[[socket.socket], None], words: str
) -> None:
    finished: list[bool] = []

    def watched(peer: socket.socket) -> None:
        with suppress(*ENDS):
            raw(peer)
            finished.append(True)

    with HostileHost(tmp_path, raw=watched) as host:
        settings = replace(host.settings, login_timeout=15.0, banner_timeout=4.0, handshake_timeout=8.0)
        begin = time.monotonic()
        with pytest.raises(AlertprofError) as caught:
            Connector(settings).connect("127.0.0.1")
        assert time.monotonic() - begin < LONG
        assert caught.value.reason.code is Code.HOST_UNREACHABLE
        assert words in caught.value.reason.message
        assert caught.value.reason.message.isprintable()
        assert len(caught.value.reason.message) < 500
    assert not finished or raw in (packets_of_nonsense, greeting_of_escapes), "not everything was taken"


# --- what we offer ---


NO_QUANTUM = "does not provide protection against post-quantum attacks"
OF_THE_LAST = (
    NO_QUANTUM,
    "using encrypt-and-MAC mode",
    "using elliptic curves that are suspected as being backdoored by the U.S. National Security Agency",
    "using weak random number generator could reveal the key",
)
CURVES = ("nistp256", "nistp384", "nistp521")
LAST_RESORT = {
    *(f"ecd{kind}-sha2-{curve}" for kind in ("h", "sa") for curve in CURVES),
    *("diffie-hellman-group14-sha256", "hmac-sha2-256", "hmac-sha2-512"),
}
FIRST = {
    "kex": ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512"),
    "key": ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
    "enc": ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr"),
    "mac": ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
}


def test_ssh_audit_finds_nothing_broken_in_what_we_offer(tmp_path: Path) -> None:
    port = ports.free()
    auditor = str(Path(sys.executable).with_name("ssh-audit"))
    command = [auditor, "--client-audit", f"--port={port}", "--json", "-n"]
    with HostileHost(tmp_path, silence) as host:
        words = host.known_hosts.read_text().split()[1:]
        host.known_hosts.write_text(f"[127.0.0.1]:{port} {' '.join(words)}\n")
        settings = replace(host.settings, ssh=replace(host.settings.ssh, port=port))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as audit:
        try:
            eventually(lambda: "refused" not in fault_of(settings), "ssh-audit was connected to", LONG)
            report = json.loads(audit.communicate(timeout=LONG)[0])
        finally:
            audit.kill()
    notes = [
        (algorithm["algorithm"], grade, note)
        for part in ("kex", "key", "enc", "mac")
        for algorithm in report[part]
        for grade, said in algorithm.get("notes", {}).items()
        for note in said
        if grade != "info"
    ]
    assert [note for note in notes if note[2] not in OF_THE_LAST and "2048-bit" not in note[2]] == []
    noted = {name.removesuffix("-cert-v01@openssh.com") for name, _, note in notes if note != NO_QUANTUM}
    assert noted == LAST_RESORT, "all else is clean"
    for part, first in FIRST.items():
        assert tuple(each["algorithm"] for each in report[part])[: len(first)] == first
    assert report["kex"][0]["algorithm"] == "mlkem768x25519-sha256", "first what protects against those, too"
    assert not report["cves"]


def fault_of(settings: object) -> str:
    with pytest.raises(AlertprofError) as caught:
        Connector(settings).connect("127.0.0.1")  # type: ignore[arg-type]
    return caught.value.reason.message
