"""Reading captures again: ETag, the header Link of a page, and HEAD."""

import re
from urllib.parse import urljoin

import pytest

from tests.unit.web.web_app import CPU, WebApp


@pytest.mark.parametrize("path", ["/captures", "/captures/{id}", "/captures?state=completed&limit=1"])
def test_a_capture_that_has_not_changed_is_not_sent_again(web: WebApp, path: str) -> None:
    capture = web.keep_completed()
    address = path.format(id=capture.id)
    first = web.client.get(address)
    tag = first.headers["etag"]
    again = web.client.get(address, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    web.client.post(f"/captures/{capture.id}/pin")
    changed = web.client.get(address, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.text == first.text.replace('"pinned":false', '"pinned":true')


def test_the_header_link_leads_through_the_pages_and_keeps_the_filters(web: WebApp) -> None:
    kept, seen = {web.keep().id for _ in range(5)}, set()
    address, first = "/captures?limit=2&match=job%3D~%22o.%2B%22", ""
    while address:
        answer = web.client.get(address)
        seen |= {capture["id"] for capture in answer.json()["captures"]}
        links = {name: target for target, name in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"])}
        first = first or links["first"]
        assert links["first"] == first
        assert ("next" in links) == (answer.json()["next"] is not None)
        address = urljoin(address, links["next"]) if "next" in links else ""
    assert seen == kept


@pytest.mark.parametrize(
    "path",
    [
        *("/captures", "/captures/{id}", "/captures/{id}/top", "/captures/{id}/report"),
        *("/captures/{id}/artifacts/{cpu}", "/captures/{id}/bundle", "/metrics", "/-/healthy", "/-/ready"),
        *("/-/config", "/", "/ui/captures/{id}", "/docs"),
    ],
)
def test_head_is_answered_where_get_is(web: WebApp, path: str) -> None:
    address = path.format(id=web.keep_completed().id, cpu=CPU)
    read, asked = web.client.get(address), web.client.head(address)
    assert (asked.status_code, asked.headers["content-type"]) == (read.status_code, read.headers["content-type"])


def test_head_of_what_only_post_answers_is_refused(web: WebApp) -> None:
    answer = web.client.head("/capture")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_pin_is_taken_off(web: WebApp) -> None:
    capture = web.keep_completed()
    web.client.post(f"/captures/{capture.id}/pin")
    assert web.client.delete(f"/captures/{capture.id}/pin").json()["pinned"] is False
