"""What captures keep in English is shown in the reader's language: findings, reasons and the events of the timeline."""

import re
from time import process_time

import pytest

from app.errors import Code, Reason
from app.finding import CRITICAL, Finding
from app.findings.purposes import PURPOSES
from app.model import Event, State, Step
from app.web.pages import stored
from app.web.pages.stored import templates
from tests.faults.expected import FAULTS
from tests.lab.texts import fields
from tests.unit.findings.recorded import found
from tests.unit.web.web_app import WebApp

CHINESE = {"accept-language": "zh-CN"}
HAN = re.compile("[\u4e00-\u9fff]")


def chinese(text: str) -> str:
    return stored._translated("zh-Hans", text)


@pytest.mark.parametrize("name", FAULTS)
def test_every_sentence_of_a_finding_has_a_chinese_one_with_the_same_numbers_and_names(name: str) -> None:
    for finding in found(name):
        for text in (finding.title, finding.detail, finding.refuted_by, finding.helps):
            shown = chinese(text)
            assert all(HAN.search(sentence) for sentence in re.split(r"。|\. ", shown.rstrip("。"))), shown
            assert not re.search(r"\b(the|is|are|of|it|they)\b", shown), shown
        assert set(re.findall(r"\d+", finding.title)) == set(re.findall(r"\d+", chinese(finding.title)))
        assert all(part in chinese(finding.title) for part in re.findall(r"\w+\.\(\*\w+\)\.\w+", finding.title))


def test_what_a_purpose_does_and_what_helps_against_it_are_translated() -> None:
    for purpose in PURPOSES.values():
        assert HAN.search(chinese(f"main.f {purpose.does}: 40 % of the CPU time, called by main.g")), purpose
        assert HAN.search(chinese(purpose.helps)), purpose


def test_every_text_of_the_catalogue_keeps_its_values() -> None:
    for each in templates("zh-Hans"):
        assert fields(each.translated) == {f"%({name})s" for name in each.names}, each
        assert HAN.search(each.translated) or each.names, each


def test_a_capture_says_in_chinese_why_it_failed_and_what_happened_and_the_api_stays_english(web: WebApp) -> None:
    lock = Finding(
        CRITICAL, "20 goroutines wait in quota.allow for a lock that nobody seems to hold", "They wait", "mutex"
    )
    unknown = Reason(Code.HOST_UNREACHABLE, "host 10.0.0.5: no route, <b>said</b> nobody")
    common = {"step": Step.DONE, "due_at": None, "ended_at": web.now, "findings": (lock,)}
    capture = web.keep(
        state=State.FAILED, reason=unknown, timeline=(Event(web.now, "received", "asked for by Ann"),), **common
    )
    page = web.client.get(f"/ui/captures/{capture.id}", headers=CHINESE).text
    assert "20 个 goroutine 在" in page and "由 Ann 请求" in page and "已收到" in page
    assert "主机 10.0.0.5：no route, &lt;b&gt;said" in page
    lost = web.keep(state=State.FAILED, reason=Reason(Code.TIMEOUT, "one that nobody has foreseen"), **common)
    shown = web.client.get(f"/ui/captures/{lost.id}", headers=CHINESE).text
    assert HAN.search(shown.partition(" (one that nobody has foreseen)")[0][-4:])
    told = web.client.get(f"/captures/{capture.id}", headers=CHINESE).json()
    assert (told["findings"][0]["title"], told["timeline"][0]["message"]) == (lock.title, "asked for by Ann")
    assert lock.title in web.client.get(f"/ui/captures/{capture.id}").text.replace("<wbr>", "")


@pytest.mark.parametrize("text", ["x, called by " * 300, "in " * 1300, "%(said)s" * 400, ". " * 2000, "f" * 5000, ""])
def test_a_hostile_text_is_shown_and_costs_little(text: str) -> None:
    began = process_time()
    assert chinese(text).count("x") >= text.count("x")
    assert process_time() - began < 2
