"""What to type next: after a capture with a reason, and after every error of the command line."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli import program as cli
from app.cli.progress import Progress
from app.cli.remedies import NEXT, remedy
from app.errors import Code
from tests.unit.cli.conftest import Run
from tests.unit.web.web_app import WebApp

GROUP: Any = typer.main.get_command(cli.app)
ID = "01a20fd5-9796-7442-8918-000000000008"


def capture(code: str, **more: Any) -> dict[str, Any]:
    target = {"host": "10.0.0.5", "pid": 21181}
    trigger = {"kind": "alert", "fingerprint": "8a3e2b1c4d5f6071", "labels": {}}
    return {"id": ID, "reason": {"code": code, "message": "…"}, "target": target, "trigger": trigger} | more


@pytest.mark.parametrize("code", list(Code))
def test_each_reason_has_a_command_that_there_is(code: Code) -> None:
    (line,) = remedy(capture(code), "http://127.0.0.1:9911")
    command, purpose = line.split("   ")
    assert purpose
    program, name, *rest = shlex.split(command)
    if program == "alertprof":
        GROUP.commands[name].make_context(name, rest)
    else:
        assert [program, name, *rest] == ["curl", "-X", "POST", "http://127.0.0.1:9911/-/resume"]
    assert set(NEXT) == set(Code)


def test_what_a_stranger_calls_a_host_is_one_word_of_the_command() -> None:
    evil = capture("host_unknown", target={"host": "$(reboot);\n"})
    assert list(remedy(evil, "")) == [r"alertprof doctor '$(reboot);\n'   " + NEXT["host_unknown"][1]]


def test_what_is_not_known_is_left_to_the_reader_and_a_whole_capture_needs_no_remedy() -> None:
    assert next(remedy(capture("no_profiler", target=None), "")).startswith("alertprof doctor HOST --pid PID ")
    assert list(remedy(capture("", reason=None), "")) == []


@pytest.mark.usefixtures("service")
def test_show_ends_with_what_to_type(run: Run, web: WebApp) -> None:
    last = run("show", web.keep_failed().id).out.splitlines()[-1]
    assert re.fullmatch(rf"alertprof doctor \S+   {NEXT['process_not_found'][1]}", last)


ERRORS = {
    ("captures", "--url", "http://127.0.0.1:9"): "alertprof serve",
    ("captures", "--url", "nonsense"): "--url http://HOST:9911",
    ("captures", "--token-file", "none"): "name another",
    ("captures", "--since", "never"): "24h",
    ("captures", "--match", "a"): 'job="orders"',
    ("captures", "--state", "none"): "completed",
    ("show", ID): "alertprof captures",
    ("top", ID): "alertprof captures",
    ("links", ID): "alertprof captures",
    ("diff", ID, ID): "alertprof captures",
    ("fetch", "FAILED"): "alertprof show FAILED",
    ("links", "FAILED"): "alertprof show FAILED",
    ("capture", "10.0.0.5"): "--port 8080",
    ("capture", "10.0.0.5", "--pid", "7", "--duration", "30"): "30s",
    ("capture", "10.0.0.5", "--pid", "7", "--profiler", "none"): "there are auto",
    ("capture", "not a host", "--pid", "7"): "a name has letters, digits",
    ("explain", "none.json"): '{"alertname": ',
    ("explain", "LIST"): '{"alertname": ',
    ("check-config",): "alertprof check-config FILE",
    ("unblock", "none"): "none is",
    ("init", "--host", "127.0.0.1", "--user", "a b"): "--user profiler",
    ("init", "--user", "me"): "--host",
    ("init", "--host", "127.0.0.1", "--port", "9", "--user", "me"): "--port",
    ("serve", "--web.external-url", "x"): "https://alertprof.example.com",
    ("serve", "--web.route-prefix", "x"): "/alertprof",
    ("serve", "--web.cors.origin", "("): "https://(www",
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("words", "told"), ERRORS.items(), ids=lambda value: str(value)[:60])
def test_each_error_ends_with_what_to_type_or_to_write(
    run: Run, web: WebApp, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (listed := tmp_path / "list.json").write_text("[]")
    here = {"FAILED": web.keep_failed().id, "LIST": str(listed)}
    said = run(*(here.get(word, word) for word in words))
    assert said.code in (1, 2)
    assert re.sub("FAILED", here["FAILED"], told) in said.err, said.err


def test_a_go_zero_that_stops_by_itself_has_a_bar_of_its_own_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    recording = {"state": "recording", "started_at": "2026-11-23T22:40:00Z", "profiler": "go-zero-timed"}
    Progress(10).show(recording)
    Progress(10).show(recording | {"profiler": "go-zero-toggle"})
    assert re.findall(r"of (\d+s)", capsys.readouterr().err) == ["60s", "10s"]
