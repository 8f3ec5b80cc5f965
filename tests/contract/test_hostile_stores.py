"""An object store that lies, breaks or falls silent: nothing is lost, nobody waits long, and no secret is told."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest

from app.stores import Bucket, Store, objects, store_of

DATA = b"the profile of a service"
NAME, SECRET = "AKIAHIDDEN", "hiddensecret"
DELETED = b"<DeleteResult><Deleted><Key>team/x</Key></Deleted></DeleteResult>"
MODIFIED = "Wed, 21 Oct 2026 07:28:00 GMT"


class Seen(NamedTuple):
    method: str
    authorization: str
    body: bytes


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.requests.append(Seen(self.command, self.headers["authorization"] or "", body))
        self.server.behave(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        known = {"content-length": str(len(body)), "last-modified": MODIFIED, "etag": '"x"'}
        for name, value in {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behave: Callable[[Request], None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.behave, self.requests = behave, list[Seen]()


@pytest.fixture(autouse=True)
def once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that fails is made once more, and an answer is waited for, however busy this machine is."""
    for which in ("RETRY", "QUICK_RETRY"):
        monkeypatch.setattr(objects, which, {"max_retries": 1, "retry_timeout": timedelta(seconds=1)})
    waits_for(monkeypatch, "60s")


def waits_for(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    for which in ("TIMEOUTS", "QUICK"):
        monkeypatch.setattr(objects, which, {"connect_timeout": limit, "timeout": limit})


@contextmanager
def serving(behave: Callable[[Request], None]) -> Iterator[Server]:
    with Server(behave) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def store_at(server: Server, folder: Path) -> Store:
    (secret := folder / "secret").write_text(SECRET)
    options = {"endpoint": f"http://127.0.0.1:{server.server_port}", "region": "x", "access_key_id": NAME}
    return store_of(Bucket("s3://captures/team", folder / "spool", options, {"secret_access_key": secret}))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (file := tmp_path / "source").write_bytes(DATA)
    return file


def with_part(answer: Callable[[Request], None]) -> Callable[[Request], None]:
    """It takes files and says how large they are; a part is answered so."""
    others = {"HEAD": DATA, "POST": DELETED}
    return lambda request: (
        answer(request) if request.command == "GET" else request.say(200, others.get(request.command, b""))
    )


WHOLE = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"
PARTS = {
    "the whole": with_part(lambda request: request.say(200, DATA)),
    "another part": with_part(lambda request: request.say(206, DATA, content_range=f"bytes 2-{len(DATA) + 1}/99")),
    "more": with_part(lambda request: request.say(206, DATA * 2, content_range=WHOLE)),
    "less": with_part(lambda request: request.say(206, DATA[:5], content_range=WHOLE)),
    "nothing": lambda request: request.say(404 if request.command in ("GET", "HEAD") else 200),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_file_counts_as_stored_only_when_it_came_back_as_it_was(part: str, tmp_path: Path, source: Path) -> None:
    with serving(PARTS[part]) as server:
        store = store_at(server, tmp_path)
        with pytest.raises(OSError, match="s3://captures/team") as refused:
            store.put("c1/cpu", source)
        assert not isinstance(refused.value, FileNotFoundError)


def error(code: str, more: str = "") -> bytes:
    return f"<?xml?>\n<Error><Code>{code}</Code><Message>It is so.</Message>{more}</Error>".encode()


SIGNED = f"<AWSAccessKeyId>{NAME}</AWSAccessKeyId><StringToSign>AWS4-HMAC</StringToSign>"
REFUSALS = [
    (
        403,
        error("SignatureDoesNotMatch", SIGNED),
        "SignatureDoesNotMatch: It is so; correct the secret key in its file",
    ),
    (403, error("RequestTimeTooSkewed"), "RequestTimeTooSkewed: It is so; set this machine's clock"),
    (503, error("SlowDown"), "503 Service Unavailable: SlowDown: It is so; it is overloaded, and is asked again"),
    (404, error("NoSuchBucket"), "NoSuchBucket: It is so; make the bucket, or correct storage.artifacts"),
    (400, b"\x1b[31mred\r\nSet-Cookie: x" + b"y" * 5000, "it answers 400 Bad Request: [31mred Set-Cookie: xyyy"),
    (502, b"<html><body>proxy</body></html>", "it answers 502 Bad Gateway: <html><body>proxy</body></html>"),
]


@pytest.mark.parametrize(("status", "body", "said"), REFUSALS)
def test_a_refusal_is_a_short_sentence_with_a_remedy_and_without_what_was_signed(
    status: int, body: bytes, said: str, tmp_path: Path
) -> None:
    with serving(lambda request: request.say(status, body)) as server:
        told = store_at(server, tmp_path).refusal() or ""
    assert told.startswith("the object store s3://captures/team cannot be written: ")
    assert said in told
    assert told.isprintable() and len(told) < 600
    assert not re.search(f"{NAME}|{SECRET}|HMAC", told)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_takes_no_file_and_no_credentials_there(
    status: int, tmp_path: Path, source: Path
) -> None:
    with serving(lambda request: request.say(200, DATA)) as other:
        elsewhere = f"http://localhost:{other.server_port}/c1"
        with serving(lambda request: request.say(status, location=elsewhere)) as server:
            store = store_at(server, tmp_path)
            with pytest.raises(OSError, match="own region and endpoint"):
                store.put("c1/cpu", source)
            with pytest.raises(OSError, match="s3://captures/team"):
                list(store.read("c1/cpu"))
    assert not [each for each in other.requests if each.authorization or each.method == "PUT"]


def page(*keys: str, more: bool = False) -> bytes:
    files = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-10-21T07:28:00.000Z</LastModified><Size>1</Size></Contents>"
        for key in keys
    )
    following = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>" if more else ""
    return f"<ListBucketResult>{following or '<IsTruncated>false</IsTruncated>'}{files}</ListBucketResult>".encode()


def test_a_list_that_names_files_of_others_deletes_none_of_them(tmp_path: Path) -> None:
    listed = page("team/c1/cpu", "team/c2/cpu", "team/c10/cpu")
    with serving(lambda request: request.say(200, listed if request.command == "GET" else DELETED)) as server:
        store_at(server, tmp_path).delete_all("c1")
    asked = b"".join(each.body for each in server.requests)
    assert b"team/c1/cpu" in asked
    assert b"c2" not in asked and b"c10" not in asked


def test_a_list_without_an_end_is_given_up(tmp_path: Path) -> None:
    keys = [f"team/c1/f{n:03}" for n in range(1000)]
    with serving(lambda request: request.say(200, page(*keys, more=True))) as server:
        pages = store_at(server, tmp_path).listed("")
        assert len(next(pages)) == 1000
        with pytest.raises(OSError, match="does not list its objects in their order"):
            next(pages)


def test_a_store_that_falls_silent_holds_up_the_first_file_for_a_moment_and_the_next_ones_not_at_all(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def silent(_: Request) -> None:
        over.wait(60)

    with serving(silent) as server:
        waits_for(monkeypatch, "1s")
        store = store_at(server, tmp_path)
        with pytest.raises(OSError, match="cannot be written"):
            store.put("c1/cpu", source)
        asked, began = len(server.requests), monotonic()
        for n in range(20):
            with pytest.raises(OSError, match="cannot be written"):
                store.put(f"c{n}/cpu", source)
        assert (len(server.requests), monotonic() - began < 15) == (asked, True)
        assert "cannot be written" in (store.outage() or "")
        over.set()
        server.behave = with_part(lambda request: request.say(206, DATA, content_range=WHOLE))
        monkeypatch.setattr(objects, "PROVED", 0.0)
        assert (store.outage(), store.refusal()) == (None, None)
        store.put("c1/cpu", source)


@pytest.mark.parametrize("status", [200, 403, 503])
def test_an_answer_without_an_end_is_given_up_when_the_time_of_its_question_is_over(
    status: int, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is not bounded: docs/security.md says so."""
    waits_for(monkeypatch, "3s")
    cut = threading.Event()

    def endless(request: Request) -> None:
        request.send_response(status)
        request.send_header("transfer-encoding", "chunked")
        request.send_header("etag", '"x"')
        request.end_headers()
        try:
            while not cut.wait(0.02):
                request.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            cut.set()

    with serving(endless) as server:
        with pytest.raises(OSError, match="s3://captures/team"):
            store_at(server, tmp_path).delete_all("c1")
        assert cut.wait(60)
