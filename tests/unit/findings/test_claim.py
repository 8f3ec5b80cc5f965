"""What an alert's rule said of the CPU time of a process, and what is no certain word about it."""

from urllib.parse import quote

import pytest

from app.findings.claim import Claim, claim_in
from app.findings.every import findings
from app.findings.scene import Scene
from tests.unit.findings.test_scenes import codes, cpu

RATE = 'rate(process_cpu_seconds_total{job="orders"}[1m])'


def link(expression: str) -> str:
    """As Prometheus 2 and 3 make it."""
    return f"http://prometheus:9090/graph?g0.expr={quote(expression)}&g0.tab=1"


@pytest.mark.parametrize(
    ("expression", "value", "claim"),
    [
        (f"{RATE} > 0.8", "", Claim(0.8, exact=False, window="1m")),
        (f"{RATE} > 0.8", "1.92", Claim(1.92, exact=True, window="1m")),
        (f"{RATE} > 0.8", "192.3%", Claim(1.923, exact=True, window="1m")),
        (f"{RATE} * 100 >= 80", "92", Claim(0.92, exact=True, window="1m")),
        (f"100 * {RATE} > 80", "92 %", Claim(0.92, exact=True, window="1m")),
        ("(irate(process_cpu_seconds_total[5m]) * 100) > 8e+01", "", Claim(0.8, exact=False, window="5m")),
        (f"sum by (job, instance) ({RATE}) > 0.8", "", Claim(0.8, exact=False, window="1m")),
        (f"{RATE} > 0.8", "0.1", Claim(0.8, exact=False, window="1m")),  # of something else: the rule did not fire
        (f"{RATE} > 0.8", "92m", Claim(0.8, exact=False, window="1m")),
    ],
)
def test_a_rate_of_the_processes_own_cpu_time_is_certain(expression: str, value: str, claim: Claim) -> None:
    assert claim_in(link(expression), {"value": value}) == claim


@pytest.mark.parametrize(
    "expression",
    [
        "", f"{RATE} < 0.8", f"{RATE} > on (job) limit", f"sum({RATE}) > 0.8", f"sum by (job) ({RATE}) > 0.8",
        "rate(container_cpu_usage_seconds_total[1m]) > 0.8", "rate(node_cpu_seconds_total[1m]) > 0.8",
        f"{RATE} / 4 > 0.8", f"{RATE} > 0.8 and up == 1", f"100 * {RATE} * 100 > 80", f"{RATE} > 0",
        "rate(process_cpu_seconds_total[1m] offset 1d) > 0.8",
    ],
)  # fmt: skip
def test_what_else_a_rule_can_be_about_is_no_claim(expression: str) -> None:
    assert claim_in(link(expression), {"value": "9"}) is None


@pytest.mark.parametrize("url", ["", "http://[", "/graph?" + "a=1&" * 500, "x?g0.expr=" + "(" * 9000, "?g0.expr=%ff"])
def test_a_link_that_is_none_is_no_claim(url: str) -> None:
    assert claim_in(url, {}) is None


def test_a_recording_with_less_than_half_of_what_the_rule_said_says_that_the_spike_was_over() -> None:
    told = Claim(1.92, exact=True, window="1m")
    (finding,) = findings(Scene(cpu=cpu(30, total=20), claim=told, about="Slow"))
    assert finding.title == (
        "the process used 0.67 cores while it was recorded, and 1.92 cores over 1m when the alert fired: "
        "the spike was over"
    )
    assert "65 % of it is not in the CPU profile" in finding.detail
    assert codes(Scene(cpu=cpu(30, total=30), claim=told, about="Slow")) == []
    assert codes(Scene(claim=told)) == [], "without a profile nothing is compared"
    assert codes(Scene(cpu=cpu(30, total=0.5), claim=Claim(0.01, exact=False, window="1m"), about="HighCPU")) == [
        "spike_over"
    ]
