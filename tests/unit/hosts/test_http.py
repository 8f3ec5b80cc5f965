from collections.abc import Iterable, Iterator
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Code, Retryable
from app.hosts.http import HEAD_LIMIT, SAID_LIMIT, Deadlines, Reply, get

TIMEOUT = Deadlines(first=9, silence=9, whole=9)
OK = b"HTTP/1.1 200 OK\r\n"


class Script:
    """A line at whose far end somebody says these pieces, whatever is asked, and then nothing, `silent` or not."""

    def __init__(self, pieces: Iterable[bytes], *, silent: bool = False, alive: bool = True) -> None:
        self.pieces, self.silent, self.alive = iter(pieces), silent, alive
        self.asked, self.taken = b"", 0

    def send(self, data: bytes, timeout: float) -> None:
        self.asked += data

    def recv(self, size: int, timeout: float) -> bytes:
        piece = next(self.pieces, None)
        if piece is None and self.silent:
            raise Retryable(Code.HOST_UNREACHABLE, "host h: no answer within 9 s")
        self.taken += len(piece or b"")
        return piece or b""

    def finish(self) -> None: ...

    def close(self) -> None: ...


def got(line: Script, *, limit: int = 1 << 20, deadlines: Deadlines = TIMEOUT) -> tuple[Reply, bytes]:
    body = bytearray()
    reply = get(line, "127.0.0.1:6060", "/debug/pprof/heap", body.extend, limit=limit, deadlines=deadlines)
    return reply, bytes(body)


def pairs(piece: bytes) -> Iterator[bytes]:
    return (piece[at : at + 2] for at in range(0, len(piece), 2))


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
    ],
)
def test_a_whole_answer_is_taken_however_it_is_framed_and_cut_into_pieces(answer: bytes) -> None:
    for pieces in ([answer], pairs(answer)):
        assert got(Script(pieces)) == (Reply(200, 5), b"hello")


def test_one_request_is_sent_and_nothing_but_it() -> None:
    line = Script([OK + b"Content-Length: 0\r\n\r\n"])
    got(line)
    first, *headers = line.asked.decode().split("\r\n")
    assert first == "GET /debug/pprof/heap HTTP/1.1"
    assert {"Host: 127.0.0.1:6060", "Connection: close"} <= set(headers)


def test_another_status_is_told_with_its_words_in_one_line_and_leaves_no_file() -> None:
    text = b"Could not enable CPU profiling:\n cpu profiling already in use\x1b[2J\n"
    reply, body = got(Script([b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % len(text), text]))
    assert (reply.status, body, reply.fault) == (500, b"", "")
    assert reply.said == "Could not enable CPU profiling: cpu profiling already in use\\x1b[2J"


def test_an_endless_text_under_another_status_is_read_no_further_than_a_sentence() -> None:
    line = Script([b"HTTP/1.1 500 No\r\n\r\n", *repeat(b"x" * 1000, 10_000)])
    assert got(line)[0].status == 500
    assert line.taken < 2 * SAID_LIMIT


def test_a_body_larger_than_the_limit_is_broken_off() -> None:
    line = Script([OK + b"\r\n", *repeat(b"x" * 65536, 1000)])
    reply, body = got(line, limit=1 << 20)
    assert "more than 1 MiB" in reply.fault
    assert len(body) == reply.size <= 1 << 20
    assert line.taken < 2 << 20


@pytest.mark.parametrize(
    "pieces",
    [
        [OK, *repeat(b"X-Padding: " + b"x" * 1000 + b"\r\n", 10_000)],
        [OK + b"X: ", *repeat(b"x" * 1000, 10_000)],
        repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 1_000_000),
        [OK + b"Transfer-Encoding: chunked\r\n\r\n", *repeat(b"1\r\nx\r\n" * 1000, 10_000)],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n", *repeat(b"1;" + b"x" * 9000 + b"\r\nx\r\n", 10_000)],
    ],
    ids=["headers", "a header", "100 Continue", "chunks of a byte", "chunk extensions"],
)
def test_padding_without_end_is_broken_off(pieces: Iterable[bytes]) -> None:
    line = Script(pieces)
    assert got(line, limit=1 << 30)[0].fault
    assert line.taken < 16 * HEAD_LIMIT


@pytest.mark.parametrize(
    "answer",
    [b"", b"J\x00\x00\x00\x0a8.0.36\x00", b"\x15\x03\x01\x00\x02\x02F", b"220 mail ESMTP\r\n", b"HTTP/9 huh\r\n\r\n"],
    ids=["nothing", "MySQL", "TLS", "SMTP", "another HTTP"],
)
def test_what_is_no_http_is_told_so(answer: bytes) -> None:
    reply, body = got(Script([answer]))
    assert "no HTTP" in reply.fault
    assert (reply.status, body) == (0, b"")


@pytest.mark.parametrize("head", [b"Content-Length: 9\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n9\r\n"])
@pytest.mark.parametrize("silent", [True, False])
def test_an_answer_that_does_not_end_keeps_what_came_and_says_so(head: bytes, silent: bool) -> None:
    reply, body = got(Script([OK + head + b"hello"], silent=silent))
    assert (reply.status, reply.size, body) == (200, 5, b"hello")
    assert reply.fault == "broke off after 5 bytes"


def test_silence_is_the_far_ends_fault_while_the_connection_lives_and_passing_when_it_does_not() -> None:
    assert got(Script([], silent=True))[0].fault == "gives no answer"
    with pytest.raises(Retryable, match="host h"):
        got(Script([], silent=True, alive=False))


def test_a_trickle_is_not_waited_for_beyond_the_whole_time() -> None:
    line = Script([OK + b"\r\n", *repeat(b"x", 100)])
    reply, _ = got(line, deadlines=Deadlines(first=9, silence=9, whole=0))
    assert "was not done after" in reply.fault


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([OK, b"\r\n", b"Content-Length: 3\r\n", b"3\r\n"]))))
def test_whatever_comes_there_is_a_reply(pieces: list[bytes]) -> None:
    reply, body = got(Script(pieces))
    assert reply.size == len(body)
    assert reply.status == 200 or not body
