"""The page on which an alert is tried out, its API, and the last messages."""

import json
import threading
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from app.explain.explainer import LOOKS_AT_ONCE
from app.explain.unasked import UnaskedGate
from app.ledger.messages import LARGEST
from app.web.auth.tokens import Tokens
from tests.lab.process import eventually
from tests.unit.web.web_app import EXTERNAL, WebApp, without_own_scripts

LABELS = {"alertname": "HighCPU", "job": "order-mq", "instance": "10.0.0.5:9100"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def message(*labels: dict[str, str]) -> bytes:
    alerts = [{"labels": each, "startsAt": "2026-11-23T11:56:00Z"} for each in labels]
    return json.dumps({"version": "4", "alerts": alerts}).encode()


def explained(web: WebApp, body: bytes, query: str = "") -> dict[str, Any]:
    answer = web.client.post(f"/explain{query}", content=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def lines(alert: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["mark"], line["text"]) for section in alert["sections"] for line in section["lines"]]


def tried(web: WebApp, **fields: str) -> Any:
    return web.client.post("/ui/try", content=urlencode(fields), headers=FORM)


# the API


def test_the_form_shows_what_it_takes(web: WebApp) -> None:
    assert 'placeholder=\'{"alertname": "HighCPU",' in web.client.get("/ui/try").text


def test_what_would_become_of_a_message_is_told_and_nothing_becomes_of_it(web: WebApp) -> None:
    said = explained(web, message(LABELS))

    (alert,) = said["alerts"]
    assert (said["would"], alert["would"], said["left_out"]) == (True, True, 0)
    assert (alert["alertname"], alert["labels"]) == ("HighCPU", LABELS)
    assert ("ok", '«orders» matches: job=~"order-.+"') in lines(alert)
    assert ("ok", "port: would look on 10.0.0.5: listening on port 9100") in lines(alert)
    assert not any(web.ledger.counts().values())
    assert web.client.get("/messages").json() == {"messages": []}


def test_the_labels_of_one_alert_alone_are_taken_too(web: WebApp) -> None:
    whole, alone = explained(web, message(LABELS)), explained(web, json.dumps(LABELS).encode())
    one = explained(web, json.dumps({"labels": LABELS, "annotations": {}}).encode())

    assert whole["alerts"][0]["sections"] == alone["alerts"][0]["sections"] == one["alerts"][0]["sections"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"nonsense", 400), (b"[]", 422), (b"{}", 422), (b'{"alerts": 7}', 422), (b'{"a": 7}', 422),
     (b"[" * 100_000, 400), (b'{"a": "\\ud800"}', 400)],
)  # fmt: skip
def test_what_is_no_message_is_refused_as_by_the_webhook(web: WebApp, body: bytes, status: int) -> None:
    answer = web.client.post("/explain", content=body)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_of_a_large_message_the_first_alerts_are_told(web: WebApp) -> None:
    said = explained(web, message(*({**LABELS, "n": str(number)} for number in range(60))))

    assert (len(said["alerts"]), said["left_out"], said["would"]) == (50, 10, False)


def test_a_host_that_does_not_answer_keeps_nobody_waiting(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(web.explainer.pool, "gate", lambda host, pid=0: released.wait(120))
    web.deadlines, before = 0.3, time.monotonic()
    said = explained(web, message(LABELS, LABELS | {"instance": "10.0.0.5:9200"}), "?connect=true")
    released.set()

    assert time.monotonic() - before < 60
    assert [alert["would"] for alert in said["alerts"]] == [False, False]
    assert all("were over before this one had answered" in alert["verdict"] for alert in said["alerts"])
    assert ("ok", "port: would look on 10.0.0.5: listening on port 9100") in lines(said["alerts"][0])


def test_only_a_few_may_wait_for_hosts_at_once(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(web.explainer.pool, "gate", lambda host, pid=0: released.wait(120))
    web.deadlines = 0.5
    for _ in range(LOOKS_AT_ONCE):
        explained(web, message(LABELS), "?connect=true")
    refused = web.client.post("/explain?connect=true", content=message(LABELS))

    assert refused.status_code == 503 and "try again" in refused.json()["detail"]
    assert explained(web, message(LABELS))["would"], "whoever looks at no host need not wait"
    released.set()
    eventually(lambda: web.client.post("/explain?connect=true", content=message(LABELS)).status_code != 503, "again")


def test_what_a_host_says_is_told(web: WebApp) -> None:
    labels = {"host": "127.0.0.1", "pid": "77", "job": "order-mq"}
    (web.folder / "known_hosts").write_text("127.0.0.2 x y\n")
    (alert,) = explained(web, message(labels), "?connect=true")["alerts"]

    assert not alert["would"] and "ssh-keyscan 127.0.0.1" in alert["verdict"]


# the last messages


def test_the_last_messages_are_listed_and_given_as_they_came(web: WebApp) -> None:
    body = message(LABELS, {"alertname": "Lonely"})
    assert web.client.post("/webhook", content=body).status_code == 202
    assert web.client.post("/webhook", content=b'{"alerts": 7}').status_code == 422
    (told,) = web.client.get("/messages").json()["messages"]

    assert (told["about"], told["alerts"], told["created"], told["skipped"]) == ("HighCPU, Lonely", 2, 1, 1)
    as_it_came = web.client.get(told["href"])
    assert (as_it_came.content, as_it_came.headers["content-type"]) == (body, "application/json")
    assert web.client.get("/messages/none").status_code == 404


def test_a_message_that_was_too_large_is_listed_without_a_link(web: WebApp) -> None:
    body = message(LABELS)[:-1] + b', "padding": "' + b"x" * LARGEST + b'"}'
    assert web.client.post("/webhook", content=body).status_code == 202
    (told,) = web.client.get("/messages").json()["messages"]

    assert (told["href"], told["size"]) == (None, len(body))
    refused = web.client.get(f"/messages/{told['id']}")
    assert refused.status_code == 404 and "only that it came was kept" in refused.json()["detail"]
    assert "too large to be kept" in web.client.get("/ui/try").text


@pytest.mark.parametrize("path", ["/messages", "/messages/none", "/ui/try"])
def test_messages_and_the_page_need_an_operators_token(web: WebApp, path: str) -> None:
    (file := web.folder / "token").write_text("people-1")
    web.tokens = Tokens(operator_file=file)
    client = web.reached_by()

    assert client.get(path).status_code == 401
    assert client.post("/explain", content=message(LABELS)).status_code == 401
    assert client.post("/ui/try", content="body=", headers=FORM).status_code == 401
    assert web.tried == []


# the page


def test_every_page_leads_to_it(web: WebApp) -> None:
    assert '<a href="/ui/try">try an alert</a>' in web.client.get("/").text


def test_the_form_explains_what_was_typed_and_keeps_it(web: WebApp) -> None:
    answer = tried(web, body=json.dumps(LABELS))

    assert answer.status_code == 200
    assert "A capture, unless its host says otherwise" in answer.text
    assert "would look on 10.0.0.5: listening on port 9100" in answer.text
    assert "&#34;job&#34;: &#34;order-mq&#34;" in answer.text, "it can be changed and tried again"
    assert web.tried == [(json.dumps(LABELS).encode(), False)]


def test_the_box_looks_at_the_hosts_too(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def gate(host: str, _pid: int = 0) -> UnaskedGate:
        asked.append(host)
        return UnaskedGate(host)

    monkeypatch.setattr(web.explainer.pool, "gate", gate)
    answer = tried(web, body=json.dumps(LABELS), connect="1")

    assert set(asked) == {"10.0.0.5"}
    assert "No capture: 10.0.0.5: no process listening on port 9100" in answer.text
    assert web.tried == [(json.dumps(LABELS).encode(), True)]
    assert 'name="connect" value="1" checked' in answer.text


def test_a_message_is_replayed_without_effect(web: WebApp) -> None:
    web.client.post("/webhook", content=message(LABELS))
    before = web.ledger.counts()
    (kept,) = web.ledger.messages()
    page = web.client.get("/ui/try").text
    answer = tried(web, body="whatever stands there", message=kept.id)

    assert f'<button name="message" value="{kept.id}">replay without effect</button>' in page
    assert "No capture: a repeat: capture " in answer.text
    assert (web.ledger.counts(), len(web.ledger.messages())) == (before, 1)
    assert web.tried == [(message(LABELS), False)]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 400, "The body is no JSON"),
        ({"body": "{]"}, 400, "The body is no JSON"),
        ({"body": "[]"}, 422, "This is no message"),
        ({"message": "019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"}, 404, "There is no message"),
    ],
)
def test_what_cannot_be_tried_is_told_on_the_page(web: WebApp, fields: dict[str, str], status: int, said: str) -> None:
    answer = tried(web, **fields)

    assert (answer.status_code, said in answer.text) == (status, True)
    assert "<textarea" in answer.text


def test_a_body_that_is_no_form_is_refused(web: WebApp) -> None:
    refused = web.client.post("/ui/try", content=b"\xff\xfe", headers=FORM)
    many = web.client.post("/ui/try", content="&".join(f"f{n}=1" for n in range(50)), headers=FORM)

    assert (refused.status_code, many.status_code) == (400, 400)


def test_a_kept_message_fits_into_the_form_and_more_is_refused(web: WebApp) -> None:
    padded = message(LABELS)[:-1] + b', "padding": "' + b"{" * (LARGEST - 400) + b'"}'

    assert tried(web, body=padded.decode()).status_code == 200
    assert web.client.post("/ui/try", content=b"x" * (1 << 20 | 1), headers=FORM).status_code == 413
    assert web.client.post("/explain", content=b"x" * (1 << 20 | 1)).status_code == 413


@pytest.mark.parametrize("path", ["/ui/try", "/explain"])
@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_what_another_sites_page_sends_is_refused(web: WebApp, path: str, headers: dict[str, str]) -> None:
    refused = web.client.post(path, content=urlencode({"body": json.dumps(LABELS), "connect": "1"}), headers=headers)

    assert refused.status_code == 403
    assert web.tried == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_browser_tells_its_origin_with_the_form_and_the_policy_stays_strict(web: WebApp, method: str) -> None:
    sent: dict[str, Any] = {"content": "body=", "headers": {**FORM, "origin": EXTERNAL}} if method == "POST" else {}
    headers = web.client.request(method, "/ui/try", **sent).headers

    assert headers["referrer-policy"] == "same-origin", "under no-referrer it would say Origin: null, and be refused"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "form-action 'self'" in headers["content-security-policy"]
    assert web.client.get("/").headers["referrer-policy"] == "no-referrer"


# labels are anybody's


class Reader(HTMLParser):
    """What a browser would make of it: tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "</title><svg onload=alert(1)>",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_stay_text(web: WebApp, text: str) -> None:
    labels = {"alertname": text, "job": "order-mq", "host": text, "pid": "7", "process": text, text: text}
    web.client.post("/webhook", content=message(labels))
    pages = [web.client.get("/ui/try"), tried(web, body=json.dumps(labels))]
    pages += [
        tried(web, body=text),
        tried(web, message=text),
        tried(web, message=web.ledger.messages()[0].id),
    ]

    for page in pages:
        read = Reader(without_own_scripts(page.text))
        assert not {"script", "img", "svg"} & set(read.tags)
        assert not [name for name in read.attributes if name.startswith("on")]
    assert text in Reader(pages[0].text).text
    assert text in Reader(pages[1].text).text


def test_the_routes_are_described_with_examples(web: WebApp) -> None:
    paths = web.client.get("/openapi.json").json()["paths"]

    examples = paths["/explain"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == {"a message of the webhook", "one alert's labels"}
    for example in examples.values():
        assert explained(web, json.dumps(example["value"]).encode())["alerts"]
    assert paths["/messages"]["get"]["responses"]["200"]
    assert "/ui/try" not in paths
