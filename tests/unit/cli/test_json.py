"""--json: what the API answers, as one document on stdout."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli import program as cli
from app.model import Blocked
from app.profilers.harm import id_of
from tests.unit.cli.conftest import Run
from tests.unit.web.web_app import CPU, WebApp

READING = {"captures", "show", "links", "fetch", "top", "diff", "unblock", "explain", "doctor"}


def test_every_reading_command_takes_json() -> None:
    group: Any = typer.main.get_command(cli.app)
    takes = {name for name, command in group.commands.items() if "as_json" in {o.name for o in command.params}}
    assert takes == READING


def test_the_command_has_every_filter_of_the_api(web: WebApp) -> None:
    group: Any = typer.main.get_command(cli.app)
    listing = web.client.get("/openapi.json").json()["paths"]["/captures"]["get"]
    filters = {parameter["name"] for parameter in listing["parameters"]} - {"id", "cursor"}  # `show` takes an id
    assert filters <= {option.name for option in group.commands["captures"].params}


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("captures", "--state", "completed"), "/captures?state=completed"),
        (("show", "ID"), "/captures/ID"),
        (("links", "ID"), "/captures/ID/links"),
        (("top", "ID", "-n", "5"), "/captures/ID/top?n=5"),
        (("unblock",), "/-/blocked"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_document_is_the_answer_of_the_api_in_ascii(
    run: Run, web: WebApp, service: str, command: tuple[str, ...], path: str
) -> None:
    web.ledger.block(Blocked(id_of("go:a"), "go:a", "/srv/é", "10.0.0.5", 7, "c1", web.now, "SIGUSR2", "\x1b[2J"))
    capture = web.keep_completed()
    web.keep(id=capture.id[:-1] + "x", labels={"team": "\u202eevil\x1b[2J"})
    said = run(*(word.replace("ID", capture.id) for word in command), "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == web.client.get(path.replace("ID", capture.id)).json()
    assert said.out.isascii() and "\x1b" not in said.out


def test_what_goes_wrong_is_still_a_sentence_on_stderr(run: Run, web: WebApp, service: str) -> None:
    for command in (("show", "none"), ("top", "none"), ("diff", "none", "none"), ("fetch", "none")):
        said = run(*command, "--json")
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("alertprof: ")
    assert run("captures", "--state", "done", "--json").code == 2


def test_fetch_says_where_each_file_went(run: Run, web: WebApp, service: str, tmp_path: Path) -> None:
    said = run("fetch", web.keep_completed().id, "-o", str(tmp_path), "--json")
    (file,) = json.loads(said.out)["artifacts"]
    assert (file["name"], file["kind"], file["file"]) == (CPU, "cpu", str(tmp_path / CPU))
    assert (tmp_path / CPU).exists()


def test_explain_and_doctor_answer_as_documents_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").touch()
    (config := tmp_path / "alertprof.yml").write_text(f"ssh: {{known_hosts_file: {tmp_path}/known_hosts}}\n")
    (alert := tmp_path / "alert.json").write_text('{"alertname": "HighCPU", "instance": "10.0.0.5:9100"}')
    explained, examined = (
        run(*command, f"--config.file={config}", "--json") for command in (("explain", str(alert)), ("doctor", "h"))
    )
    told = json.loads(explained.out)
    assert (explained.code, told["would"], told["left_out"]) == (1, False, 0)
    assert told["alerts"][0]["labels"] == {"alertname": "HighCPU", "instance": "10.0.0.5:9100"}
    found = json.loads(examined.out)
    assert (examined.code, found["passed"]) == (1, False)
    assert [check["mark"] for check in found["checks"]] == ["ok", "no"]


def test_unblock_without_an_id_lists_what_is_blocked_and_unblocks_nothing(run: Run, web: WebApp, service: str) -> None:
    assert run("unblock").out == "No executable is blocked.\n"
    one = Blocked(id_of("go:a"), "go:a", "/srv/a", "10.0.0.5", 7, "c1", web.now, "SIGUSR2", "it ended \x1b[2J")
    web.ledger.block(one)
    assert run("unblock").out == f"{one.id}  2026-11-23 12:00:00  it ended \\x1b[2J\n"
    assert web.ledger.blocked() == (one,)


def test_an_id_may_be_shortened_as_long_as_one_capture_alone_fits(run: Run, web: WebApp, service: str) -> None:
    one = web.keep_completed(id="0199a1b2-0000-7000-8000-aaaaaaaaaaaa")
    other = web.keep(id="0199a1b2-0000-7000-8000-abbbbbbbbbbb")
    for command in ("show", "top", "links"):
        whole, short, loud = (run(command, id) for id in (one.id, one.id[:-10], one.id[:-10].upper()))
        assert whole.code == 0 and whole.out == short.out == loud.out
    assert "base: This capture has no cpu profile" in run("diff", other.id[:-10], one.id[:-10]).err
    unclear = run("show", one.id[:9])
    assert (unclear.code, unclear.out) == (2, "")
    assert f"several captures begin with {one.id[:9]}; write more of it" in unclear.err
    assert one.id in unclear.err and other.id in unclear.err and "10.0.0.5 21181" in unclear.err
    assert "There is no capture 'ffff'" in run("show", "ffff").err


def test_the_candidates_are_few_and_move_no_cursor(run: Run, web: WebApp, service: str) -> None:
    trigger = replace(web.keep_completed().trigger, labels={"alertname": "\x1b[2Jred"})
    for n in range(9):
        web.keep(id=f"0199a1b2-0000-7000-8000-aaaaaaaaaaa{n}", trigger=trigger)
    unclear = run("show", "0199a1")
    assert [line[-1] for line in unclear.err.splitlines() if "8000-" in line] == list("87654")
    assert "\x1b" not in unclear.err and "\\x1b[2Jred" in unclear.err
