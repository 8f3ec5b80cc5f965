"""GET /captures/{id}/artifacts/{name}."""

from hashlib import sha256

import pytest

from app.model import Artifact, Kind
from tests.unit.web.web_app import CPU, WebApp

CONTENT = b"\x1f\x8b" + bytes(range(100))
ETAG = f'"{sha256(CONTENT).hexdigest()}"'


@pytest.fixture
def address(web: WebApp) -> str:
    return f"/captures/{web.keep_completed(CONTENT).id}/artifacts/{CPU}"


def test_a_file_comes_byte_for_byte_under_our_name(web: WebApp, address: str) -> None:
    answer = web.client.get(address)

    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-disposition"] == f'attachment; filename="{CPU}"'
    assert answer.headers["etag"] == ETAG
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_head_tells_the_same_and_reads_nothing(web: WebApp, address: str) -> None:
    answer = web.client.head(address)

    assert answer.status_code == 200
    assert (answer.content, answer.headers["content-length"]) == (b"", str(len(CONTENT)))
    assert answer.headers["etag"] == ETAG
    assert web.store.reads == []


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-5", 5, 6),
        ("bytes=90-", 90, 102),
        ("bytes=-4", 98, 102),
        ("bytes=100-500", 100, 102),
        ("bytes=-500", 0, 102),
    ],
)
def test_a_range_is_answered_with_just_that(web: WebApp, address: str, asked: str, start: int, end: int) -> None:
    answer = web.client.get(address, headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - start)
    assert web.store.reads[0][1:] == (start, end)


@pytest.mark.parametrize("asked", ["bytes=102-", "bytes=200-300", "bytes=-0"])
def test_a_range_outside_is_416_with_the_size(web: WebApp, address: str, asked: str) -> None:
    answer = web.client.get(address, headers={"range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=9-3", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b"])
def test_a_range_that_is_none_or_several_gives_the_whole(web: WebApp, address: str, asked: str) -> None:
    answer = web.client.get(address, headers={"range": asked})

    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("known", [ETAG, "*", f'"other", {ETAG}', f"W/{ETAG}"])
def test_what_the_reader_has_is_not_sent_again(web: WebApp, address: str, known: str) -> None:
    answer = web.client.get(address, headers={"if-none-match": known})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)


def test_what_the_reader_has_not_is_sent(web: WebApp, address: str) -> None:
    assert web.client.get(address, headers={"if-none-match": '"other"'}).content == CONTENT


def test_a_range_of_another_file_gives_the_whole_of_this_one(web: WebApp, address: str) -> None:
    same = web.client.get(address, headers={"range": "bytes=0-1", "if-range": ETAG})
    other = web.client.get(address, headers={"range": "bytes=0-1", "if-range": '"other"'})
    dated = web.client.get(address, headers={"range": "bytes=0-1", "if-range": "Mon, 23 Nov 2026 12:00:00 GMT"})

    assert [answer.status_code for answer in (same, other, dated)] == [206, 200, 200]


@pytest.mark.parametrize("name", ["other.pprof", "..%2Falertprof.db", "%2e%2e", "x%00y"])
def test_only_what_the_capture_lists_is_ever_read(web: WebApp, name: str) -> None:
    capture = web.keep_completed(CONTENT)

    assert web.client.get(f"/captures/{capture.id}/artifacts/{name}").status_code == 404
    assert web.store.reads == []


def test_a_file_that_the_store_has_lost_is_410_before_any_byte(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> object:
        raise FileNotFoundError

    address = f"/captures/{web.keep_completed(CONTENT).id}/artifacts/{CPU}"
    monkeypatch.setattr(web.store, "read", lost)
    answer = web.client.get(address)

    assert answer.status_code == 410
    assert "no longer in the store" in answer.json()["detail"]


def test_an_empty_file_is_a_file(web: WebApp) -> None:
    empty = Artifact("empty.txt", Kind.LOG, 0, sha256(b"").hexdigest())
    capture = web.keep_completed(b"", artifacts=(empty,))
    answer = web.client.get(f"/captures/{capture.id}/artifacts/empty.txt")

    assert (answer.status_code, answer.content) == (200, b"")
