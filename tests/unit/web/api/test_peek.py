"""GET /captures/{id}/peek: callers and callees over HTTP."""

from tests.unit.analysis.synthetic import cpu
from tests.unit.web.web_app import CPU, WebApp

ORDERS = cpu([(["strconv.Itoa", "main.(*Shop[...]).price", "main.serve"], 30), (["main.search", "main.serve"], 10)])


def test_a_function_is_shown_with_its_callers_and_callees(web: WebApp) -> None:
    capture = web.keep_completed(ORDERS.data())
    answer = web.client.get(f"/captures/{capture.id}/peek", params={"function": "(*Shop[...]).price", "n": 1})
    found = answer.json()
    assert (answer.status_code, found["matched"], found["total"], found["unit"]) == (200, 1, 40, "nanoseconds")
    assert found["functions"] == [
        {
            "function": "main.(*Shop[...]).price", "flat": 0, "flat_percent": 0.0, "cum": 30, "cum_percent": 75.0,
            "callers": [{"function": "main.serve", "value": 30, "percent": 100.0}],
            "callees": [{"function": "strconv.Itoa", "value": 30, "percent": 100.0}],
        }
    ]  # fmt: skip


def test_a_name_that_no_function_has_is_404_and_a_file_that_cannot_be_read_422(web: WebApp) -> None:
    capture, broken = web.keep_completed(ORDERS.data()), web.keep_completed(b"none")
    for path, status, detail in (
        (f"{capture.id}/peek?function=(a%2B)%2B$", 404, "no function of this cpu profile has '(a+)+$' in its name."),
        (f"{capture.id}/peek", 422, "function: Field required"),
        (f"{capture.id}/peek?function=", 422, "function: "),
        (f"{capture.id}/peek?function=a&kind=heap", 404, "has no heap profile"),
        (f"{capture.id}/peek?function=a&sample_type=x", 422, f"{CPU}: it has no sample type 'x'"),
        (f"{broken.id}/peek?function=a", 422, CPU),
    ):
        answer = web.client.get(f"/captures/{path}")
        assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text
