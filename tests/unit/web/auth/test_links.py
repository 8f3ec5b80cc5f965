"""A signed link opens one artifact for a while, and nothing else; whoever may read gets one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.model import Capture
from app.web.auth.links import LIFETIME, SignedLinks
from app.web.auth.tokens import Tokens
from tests.unit.web.web_app import CPU, EXTERNAL, WebApp

PEOPLE = {"authorization": "Bearer people"}
OLD, NEW = "0" * 32, "1" * 32
FILE = b"\x1f\x8bthe profile"


@pytest.fixture
def locked(web: WebApp, tmp_path: Path) -> WebApp:
    (file := tmp_path / "operator.token").write_text("people")
    return replica(web, Tokens(operator_file=file))


@pytest.fixture
def capture(locked: WebApp) -> Capture:
    return locked.keep_completed(FILE)


def replica(web: WebApp, tokens: Tokens) -> WebApp:
    web.tokens = tokens
    web.client = web.reached_by()
    return web


def link_to(web: WebApp, capture: Capture, **query: str) -> str:
    links = web.client.get(f"/captures/{capture.id}/links", params=query, headers=PEOPLE).json()["links"]
    return str(next(link["href"] for link in links if link["name"] == CPU))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_opens_its_artifact_without_a_token(locked: WebApp, capture: Capture, method: str) -> None:
    plain = locked.client.request(method, f"/captures/{capture.id}/artifacts/{CPU}")
    opened = locked.client.request(method, link_to(locked, capture))

    assert plain.status_code == 401
    assert opened.status_code == 200
    assert opened.content == (FILE if method == "GET" else b"")
    assert opened.headers["referrer-policy"] == "no-referrer"
    assert opened.headers["content-disposition"] == f'attachment; filename="{CPU}"'


def test_a_part_of_the_file_is_read_by_a_link_too_and_what_a_program_adds_to_it_is_nothing(
    locked: WebApp, capture: Capture
) -> None:
    part = locked.client.get(link_to(locked, capture) + "?seconds=5", headers={"range": "bytes=2-4"})

    assert (part.status_code, part.content) == (206, b"the")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_link_only_reads(locked: WebApp, capture: Capture, method: str) -> None:
    refused = locked.client.request(method, link_to(locked, capture))

    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD"
    assert locked.ledger.get(capture.id) == capture


OTHERS: list[Callable[[str, Capture], str]] = [
    lambda link, capture: link.replace(CPU, "order-mq-21181-heap-20261123T120000.pprof"),
    lambda link, capture: link.partition("/artifacts/")[0],
    lambda link, capture: link.partition("/captures/")[0] + "/captures",
    lambda link, capture: link.partition("/captures/")[0] + f"/captures/{capture.id}/bundle",
    lambda link, capture: link.replace(capture.id, "019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"),
    lambda link, capture: link + "/",
    lambda link, capture: link.replace("/links/", "/links/1"),
    lambda link, capture: link.replace(".", ".A", 1),
    lambda link, capture: link[:60],
    lambda link, capture: link.replace("/links/", "//links/"),
    lambda link, capture: link.replace("/artifacts/", "/artifacts/..%2F"),
    lambda link, capture: "/links/" + link,
    lambda link, capture: "/links/",
    lambda link, capture: "/captures?" + link,
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_link_opens_nothing_else(locked: WebApp, capture: Capture, other: Callable[[str, Capture], str]) -> None:
    link = link_to(locked, capture)
    refused = locked.client.get(EXTERNAL + other(link, capture))

    assert refused.status_code in (401, 403)
    assert locked.store.reads == []


def test_every_changed_character_of_a_signature_is_seen(locked: WebApp, capture: Capture) -> None:
    prefix, _, rest = link_to(locked, capture).partition(".")
    for at in range(43):
        changed = "A" if rest[at] != "A" else "B"
        refused = locked.client.get(f"{prefix}.{rest[:at]}{changed}{rest[at + 1 :]}")
        assert refused.status_code == 403
        assert "auth.link_key_file" in refused.json()["detail"]


def test_a_link_ends_and_says_where_a_new_one_is(locked: WebApp, capture: Capture) -> None:
    link = link_to(locked, capture)
    locked.now += LIFETIME - timedelta(seconds=1)
    assert locked.client.get(link).status_code == 200

    locked.now += timedelta(seconds=1)
    refused = locked.client.get(link)
    assert refused.status_code == 403
    assert "ended at 2026-11-23 13:00:00 UTC; the capture's page has a new one" in refused.json()["detail"]


def test_a_link_of_a_file_that_the_store_has_lost_says_so(locked: WebApp, capture: Capture) -> None:
    link = link_to(locked, capture)
    locked.store.read = lost  # type: ignore[method-assign]

    assert locked.client.get(link).status_code == 410


def lost(key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
    raise FileNotFoundError(key)


@pytest.mark.parametrize(("lifetime", "seconds"), [("10m", 600), ("1d", 86400), ("1s", 1)])
def test_who_asks_says_how_long(locked: WebApp, capture: Capture, lifetime: str, seconds: int) -> None:
    answer = locked.client.get(f"/captures/{capture.id}/links?lifetime={lifetime}", headers=PEOPLE)

    assert answer.headers["cache-control"] == "no-store"
    ends = (locked.now + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    assert answer.json()["expires_at"] == ends


@pytest.mark.parametrize("lifetime", ["0s", "25h", "5", "for ever", "999999999999y"])
def test_no_link_is_for_ever(locked: WebApp, capture: Capture, lifetime: str) -> None:
    refused = locked.client.get(f"/captures/{capture.id}/links?lifetime={lifetime}", headers=PEOPLE)

    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("lifetime: ")


def test_who_may_not_read_gets_no_link(locked: WebApp, capture: Capture) -> None:
    link = link_to(locked, capture)

    assert locked.client.get(f"/captures/{capture.id}/links").status_code == 401
    assert locked.client.get(f"{link.partition('/artifacts')[0]}/links").status_code == 403


def test_where_no_token_is_asked_for_the_links_are_the_plain_addresses(web: WebApp) -> None:
    capture = web.keep_completed(FILE)
    answer = web.client.get(f"/captures/{capture.id}/links").json()

    href = f"/captures/{capture.id}/artifacts/{CPU}"
    assert answer == {"links": [{"name": CPU, "kind": "cpu", "href": href}], "expires_at": None}
    shown = web.client.get(f"/ui/captures/{capture.id}").text.replace("<wbr>", "")
    assert f"go tool pprof -http=: {EXTERNAL}{href}" in shown


def test_the_page_has_the_lines_with_links_and_says_what_they_are(locked: WebApp, capture: Capture) -> None:
    page = locked.client.get(f"/ui/captures/{capture.id}", headers=PEOPLE)
    link = page.text.replace("<wbr>", "").partition(f"go tool pprof -http=: {EXTERNAL}")[2].partition("<")[0]

    assert locked.client.get(link).content == FILE
    assert "2026-11-23 13:00:00</time>. Whoever has a line can read its file." in page.text
    assert page.headers["cache-control"] == "no-store"


def test_replicas_with_the_same_key_open_each_others_links_and_others_do_not(locked: WebApp, tmp_path: Path) -> None:
    (key := tmp_path / "link.key").write_text(NEW)
    capture = locked.keep_completed(FILE)
    first = SignedLinks(key)
    replica(locked, Tokens(operator_file=tmp_path / "operator.token", links=first))
    link = link_to(locked, capture)
    for links, status in ((SignedLinks(key), 200), (SignedLinks(), 403)):
        other = replica(locked, Tokens(operator_file=tmp_path / "operator.token", links=links))
        assert other.client.get(link).status_code == status


def test_a_link_outlives_a_reload_of_the_configuration(locked: WebApp, tmp_path: Path, capture: Capture) -> None:
    link = link_to(locked, capture)
    replica(locked, Tokens(operator_file=tmp_path / "operator.token", links=SignedLinks()))  # as a reload makes them
    assert locked.client.get(link).status_code == 200


def test_a_key_is_exchanged_without_a_link_that_fails(locked: WebApp, tmp_path: Path, capture: Capture) -> None:
    (key := tmp_path / "link.key").write_text(OLD)
    replica(locked, Tokens(operator_file=tmp_path / "operator.token", links=SignedLinks(key)))
    old = link_to(locked, capture)
    key.write_text(f"{NEW}\n{OLD}\n")
    new = link_to(locked, capture)
    assert [locked.client.get(link).status_code for link in (old, new)] == [200, 200]

    key.write_text(NEW)
    assert [locked.client.get(link).status_code for link in (old, new)] == [403, 200]


@pytest.mark.parametrize("content", [None, "", "short"])
def test_without_a_good_key_no_link_opens_and_the_page_says_why(
    locked: WebApp, tmp_path: Path, capture: Capture, content: str | None
) -> None:
    link, key = link_to(locked, capture), tmp_path / "link.key"
    if content is not None:
        key.write_text(content)
    replica(locked, Tokens(operator_file=tmp_path / "operator.token", links=SignedLinks(key)))
    refused = [locked.client.get(link), locked.client.get(f"/captures/{capture.id}/links", headers=PEOPLE)]
    page = locked.client.get(f"/ui/captures/{capture.id}", headers=PEOPLE)

    assert [(answer.status_code, str(key) in answer.json()["detail"]) for answer in refused] == [(503, True)] * 2
    assert page.status_code == 200
    assert str(key) in page.text
    assert "go tool pprof" not in page.text
