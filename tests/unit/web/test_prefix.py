"""The service below a path: --web.external-url, --web.route-prefix, and a proxy that takes the path off or does not."""

import re
from pathlib import Path

import pytest

from app.web.auth.tokens import Tokens
from app.web.transport.rate import Rate
from tests.unit.web.api.test_webhook import alert, body
from tests.unit.web.web_app import CPU, EXTERNAL, WebApp

LINK = re.compile(r'\s(?:href|src|action|data-href|hx-get)="(/[^"]*)"')


@pytest.fixture
def web(tmp_path: Path) -> WebApp:
    return WebApp(tmp_path, external_url=f"{EXTERNAL}/tools/alertprof")


@pytest.mark.parametrize("sent", ["/tools/alertprof", ""])
def test_routes_answer_whether_the_proxy_takes_the_path_off_or_not(web: WebApp, sent: str) -> None:
    capture = web.keep_completed()
    for path in ("/", f"/captures/{capture.id}/artifacts/{CPU}", "/-/ready", "/static/style.css", "/docs"):
        assert web.client.get(sent + path).status_code == 200, path
    assert web.client.post(f"{sent}/webhook", content=body(alert())).status_code == 202
    assert web.client.get("/tools/alertprofound").status_code == 404


@pytest.mark.parametrize("page", ["/", "/ui/captures/{id}", "/ui/try", "/docs", "/alerts/8a3e2b1c4d5f6071"])
def test_every_link_of_a_page_is_below_the_path_and_leads_somewhere(web: WebApp, page: str) -> None:
    shown = web.client.get("/tools/alertprof" + page.format(id=web.keep_completed().id)).text
    links = {link.replace("&amp;", "&") for link in LINK.findall(shown)}
    assert links
    for link in links:
        assert link.startswith("/tools/alertprof/"), link
        assert web.client.get(link.partition("#")[0]).status_code in (200, 422, 502), link


def test_redirects_cookies_and_link_headers_have_the_path(web: WebApp) -> None:
    for _ in range(2):
        web.keep()
    switched = web.client.get("/tools/alertprof/?lang=zh-Hans", follow_redirects=False)
    assert switched.headers["location"] == "/tools/alertprof/"
    assert "Path=/tools/alertprof/;" in switched.headers["set-cookie"]
    made = web.client.post("/tools/alertprof/capture", json={"host": "10.0.0.5", "pid": 7})
    assert made.headers["location"] == f"/tools/alertprof/captures/{made.json()['id']}"
    assert web.client.get(made.headers["location"]).status_code == 200
    page = web.client.get("/tools/alertprof/captures?limit=1")
    assert '</tools/alertprof/captures?limit=1>; rel="first"' in page.headers["link"]
    assert web.client.get("/openapi.json").json()["servers"] == [{"url": f"{EXTERNAL}/tools/alertprof"}]


def test_the_path_opens_nothing_that_is_guarded(web: WebApp, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("operator-secret")
    web.tokens = Tokens(operator_file=tmp_path / "token")
    client = web.reached_by()
    assert client.get("/tools/alertprof/captures").status_code == 401
    assert client.post("/tools/alertprof/-/pause").status_code == 401
    assert client.get("/tools/alertprof/-/ready").status_code == 200


def test_without_a_path_nothing_is_taken_off_and_the_prefix_may_be_another(tmp_path: Path) -> None:
    web = WebApp(tmp_path, route_prefix="/inside")
    assert web.client.get("/inside/captures").status_code == 200
    assert 'href="/ui/try"' in web.client.get("/inside/").text
    web.route_prefix = None
    assert web.reached_by().get("/inside/captures").status_code == 404


def test_a_storm_with_a_rate_limit_loses_no_alert(tmp_path: Path) -> None:
    web = WebApp(tmp_path, rate_limit=Rate(3600, 2))
    taken = [web.client.post("/webhook", content=body(alert(fingerprint=f"{n:016x}"))) for n in range(50)]
    assert {answer.status_code for answer in taken} == {202}
    assert {web.client.get("/-/healthy").status_code for _ in range(5)} == {200}

    looks = [web.client.get("/captures?limit=100") for _ in range(4)]
    assert [answer.status_code for answer in looks] == [200, 200, 429, 429]
    assert (looks[2].headers["retry-after"], looks[2].headers["content-type"]) == ("3600", "application/problem+json")
    assert len(looks[0].json()["captures"]) == 50
