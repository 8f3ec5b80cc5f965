"""The command line, against the real application over a loopback port."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli import program as cli
from app.config.address import Address
from app.config.web import WebConfig
from app.model import Blocked, Finding, State
from app.profilers.harm import id_of
from tests.unit.cli.conftest import Run
from tests.unit.web.web_app import CPU, KEY, WebApp


def test_python_m_app_is_the_same_command() -> None:
    said = subprocess.run([sys.executable, "-m", "app", "--version"], capture_output=True, text=True, check=True)

    assert said.stdout.startswith("alertprof 0.")


def test_help_loads_neither_the_web_nor_the_database() -> None:
    code = "import sys, app.cli.program; sys.argv = ['alertprof', '--help']\n"
    code += "try: app.cli.program.main()\nexcept SystemExit: pass\n"
    code += "print([m for m in ('fastapi', 'sqlalchemy', 'paramiko', 'pydantic', 'httpx2') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.splitlines()[-1] == "[]"


def test_gate_prints_a_script_that_a_shell_reads(run: Run, tmp_path: Path) -> None:
    said = run("gate")

    assert said.out.startswith("#!/bin/sh\n")
    assert 'restrict,from="192.0.2.10",command="sudo -n ' in said.out
    script = tmp_path / "alertprof-gate"
    script.write_text(said.out)
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize(
    "args", [[], ["nonsense"], ["captures", "--nonsense"], ["show"], ["captures", "--limit", "501"]]
)
def test_wrong_usage_is_2(run: Run, args: list[str]) -> None:
    assert run(*args).code == 2


def test_a_good_configuration_is_0_and_a_bad_one_1_with_every_fault(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text("rules: [{name: a, matchers: ['job=a']}, {name: b}]")
    bad.write_text("ssh: {prot: 22}\nlimits: {cooldown: 30}\n")

    assert run("check-config", str(good)) == (0, f"{good}: good, 2 rules\n", "")
    refused = run("check-config", str(bad))
    assert (refused.code, refused.out) == (1, "")
    assert [line.partition(": ")[0] for line in refused.err.splitlines()] == [f"{bad}:1:7", f"{bad}:2:20"]


def test_folded_stacks_without_a_rate_are_valid_and_noted(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "old.yml"
    command = '{kind: command, command: "py-spy {output}", format: folded%s}'
    both = f"{command % ''}, {command % ', rate: 100'}"
    file.write_text(f"rules:\n  - {{name: old, profiler: {{kind: auto, allow: [{both}]}}}}\n")
    note = f"{file}: note: rule old: command: without rate or unit the folded stacks are counted only, and have no time"
    assert run("check-config", str(file)) == (0, f"{note}\n{file}: good, 1 rule\n", "")


def test_a_configuration_whose_key_and_known_hosts_are_not_there_is_1(run: Run, tmp_path: Path) -> None:
    (file := tmp_path / "alertprof.yml").write_text("ssh: {identity_file: mine, known_hosts_file: known}\n")
    refused = run("check-config", str(file))

    assert (refused.code, refused.out) == (1, "")
    assert [line.partition("; ")[0].partition(", ")[0] for line in refused.err.splitlines()] == [
        f"{file}:1:22: ssh.identity_file: there is no {tmp_path / 'mine'}",
        f"{file}:1:46: ssh.known_hosts_file: there is no {tmp_path / 'known'}",
    ]


def test_serve_refuses_an_open_address_without_tokens(run: Run) -> None:
    refused = run("serve", "--web.listen-address", "0.0.0.0:9911")

    assert refused.code == 1
    assert "set auth.operator_token_file" in refused.err


@pytest.mark.parametrize("address", ["9911", "localhost", "::1:9911", "host:port", "host:70000"])
def test_serve_refuses_an_address_that_is_none(run: Run, address: str) -> None:
    assert run("serve", "--web.listen-address", address).code == 2


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        ("127.0.0.1:9911", "127.0.0.1", 9911, "http://127.0.0.1:9911"),
        ("[::1]:80", "::1", 80, "http://[::1]:80"),
        ("db.example.com:1", "db.example.com", 1, "http://db.example.com:1"),
    ],
)
def test_an_address_to_listen_on_is_read(text: str, host: str, port: int, url: str) -> None:
    address = Address.read(text)

    assert (address.host, address.port, address.url()) == (host, port, url)


def test_a_port_alone_means_every_address() -> None:
    assert Address.read(":9911") == Address("0.0.0.0", 9911)


def test_serve_refuses_what_it_cannot_do(run: Run) -> None:
    assert run("serve", "--web.config.file", "x.yml").code == 1
    assert run("serve", "--web.external-url", "alertprof.example.com").code == 2
    assert run("serve", "--log.format", "xml").code == 2


def test_serve_hands_the_settings_over(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handed: dict[str, object] = {}
    monkeypatch.setattr("app.serving.serve", lambda settings, read, **more: handed.update(settings=settings, **more))

    assert (
        run("serve", "--storage.path", str(tmp_path), "--log.level", "warn", "--web.external-url", "http://a/b/").code
        == 0
    )
    settings = handed.pop("settings")
    assert getattr(settings, "storage").artifacts == tmp_path / "artifacts"  # noqa: B009
    assert handed == {
        "host": "127.0.0.1", "port": 9911, "external_url": "http://a/b", "log_level": "warn", "log_format": "logfmt",
        "web": WebConfig(), "audit_file": None,
    }  # fmt: skip


def test_the_origins_of_viewers_are_a_regular_expression_that_is_checked_at_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handed: list[WebConfig] = []
    monkeypatch.setattr("app.serving.serve", lambda settings, read, **more: handed.append(more["web"]))
    serve = ("serve", "--storage.path", str(tmp_path))
    assert run(*serve, r"--web.cors.origin=https://.*\.example\.com").code == 0
    assert run(*serve, "--web.cors.origin=").code == 0
    (some, none) = (web.cors_origin for web in handed)
    assert some is not None
    assert none is None

    for wrong in ("https://(", "(?=https).*", "*"):
        refused = run(*serve, f"--web.cors.origin={wrong}")
        assert refused.code == 2
        assert refused.err.startswith(f"alertprof: --web.cors.origin: {wrong!r}: ")
        assert "write a regular expression, as https://" in refused.err


ALERT = '{"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq"}'


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A configuration that knows 10.0.0.5."""
    (tmp_path / "known_hosts").write_text(f"10.0.0.5 {KEY}\n")
    file = tmp_path / "alertprof.yml"
    file.write_text(f"ssh: {{user: ops, known_hosts_file: {tmp_path}/known_hosts}}\nrules: [{{name: every alert}}]\n")
    return file


def test_explain_is_0_when_every_alert_would_lead_to_a_capture_and_1_otherwise(
    run: Run, known: Path, tmp_path: Path
) -> None:
    (one := tmp_path / "one.json").write_text(ALERT)
    (two := tmp_path / "two.json").write_text(
        f'{{"alerts": [{{"startsAt": "2026-11-23T11:56:00Z", "labels": {ALERT}}},'
        '{"startsAt": "2026-11-23T11:56:00Z", "labels": {"alertname": "Lonely"}}]}'
    )
    there = f"--config.file={known}"
    with_event, both = run("explain", there, str(one)), run("explain", there, "--storage.path", str(tmp_path), str(two))

    assert (with_event.code, both.code) == (0, 1)
    assert with_event.out.startswith('HighCPU {instance="10.0.0.5:9100", job="order-mq"}\n  => A capture, unless')
    assert with_event.out.endswith("1 of 1 alert would lead to a capture.\n")
    assert both.out.endswith("1 of 2 alerts would lead to a capture.\n")
    assert not (tmp_path / "alertprof.db").exists()


@pytest.mark.parametrize("content", ["", "nonsense", "[]", '{"alerts": {}}', None])
def test_explain_of_what_is_no_message_is_wrong_usage(run: Run, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "alert.json"
    file.write_text(content) if content is not None else None
    refused = run("explain", str(file))

    assert (refused.code, refused.out) == (2, "")
    assert str(file) in refused.err


def test_explain_of_an_alert_that_cannot_be_taken_says_so_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    (file := tmp_path / "alert.json").write_text('{"alerts": [{}]}')
    with_event = run("explain", str(file))

    assert with_event.code == 1
    assert "0 of 1 alert would lead to a capture" in with_event.out


def test_explain_reads_the_standard_input(known: Path) -> None:
    command = [sys.executable, "-m", "app", "explain", f"--config.file={known}", "-"]
    said = subprocess.run(command, input=ALERT, capture_output=True, text=True, check=False)

    assert said.returncode == 0 and "«every alert» matches" in said.stdout


def test_explain_and_doctor_tell_the_faults_of_a_configuration(run: Run, tmp_path: Path) -> None:
    (bad := tmp_path / "bad.yml").write_text("ssh: {prot: 22}\n")
    (one := tmp_path / "one.json").write_text(ALERT)

    assert f"{bad}:1:7" in run("explain", f"--config.file={bad}", str(one)).err
    refused = run("doctor", f"--config.file={bad}", "10.0.0.5")
    assert (refused.code, refused.out.startswith(f"no  configuration: {bad}:1:7")) == (1, True)


def test_doctor_ends_at_the_step_without_which_there_is_no_next(run: Run, known: Path) -> None:
    refused = run("doctor", f"--config.file={known}", "10.0.0.6")

    assert refused.code == 1
    assert [line[:23] for line in refused.out.splitlines()] == [
        "ok  configuration: " + str(known)[:4],
        "no  allowed and known: ",
    ]
    assert run("doctor", "10.0.0.6", "--pid", "1").code == 2


def test_captures_are_listed_with_filters(run: Run, web: WebApp, service: str) -> None:
    done, failed = web.keep_completed(), web.keep_failed()
    listed = run("captures")

    lines = listed.out.splitlines()
    assert (listed.code, len(lines)) == (0, 3)
    assert failed.id in lines[1]
    assert "failed (process_not_found)" in lines[1]
    assert "10.0.0.5 21181" in lines[2]
    assert done.id in run("captures", "--state", "completed", "--match", 'job="order-mq"', "--match", "instance!=x").out
    assert failed.id not in run("captures", "--state", "completed").out
    why = run("captures", "--reason", "process_not_found", "--rule", "orders").out
    assert failed.id in why and done.id not in why
    assert failed.id not in run("captures", "--rule", "others").out
    assert "--until" in run("captures", "--limit", "1").out


def test_a_filter_that_the_service_refuses_is_wrong_usage(run: Run, service: str) -> None:
    refused = run("captures", "--state", "done")

    assert refused.code == 2
    assert refused.err.startswith("alertprof: state: ")


def test_one_capture_is_shown_and_what_came_from_outside_moves_no_cursor(run: Run, web: WebApp, service: str) -> None:
    capture = web.keep_completed().with_event(web.now, "collect", "the cpu profile \x1b[2J is home")
    kept = web.keep(id=capture.id[:-4] + "0000", timeline=capture.timeline, artifacts=capture.artifacts)
    shown = run("show", kept.id)

    assert shown.code == 0
    assert "the cpu profile \\x1b[2J is home" in shown.out
    assert CPU in shown.out


def test_what_is_not_there_is_1_with_the_services_sentence(run: Run, service: str) -> None:
    for command in ("show", "fetch", "top"):
        refused = run(command, "none")
        assert (refused.code, refused.out) == (1, "")
        assert "There is no capture 'none'" in refused.err


def test_the_files_are_fetched_whole_and_into_the_folder(run: Run, web: WebApp, service: str, tmp_path: Path) -> None:
    capture = web.keep_completed(b"\x1f\x8bwhole")
    folder = tmp_path / "new" / "folder"
    fetched = run("fetch", capture.id, "-o", str(folder))

    assert fetched == (0, f"{folder / CPU}\n", "")
    assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [(CPU, b"\x1f\x8bwhole")]


def test_a_file_with_another_checksum_is_not_kept(run: Run, web: WebApp, service: str, tmp_path: Path) -> None:
    capture = web.keep_completed(b"\x1f\x8bwhole")
    web.store.files[f"{capture.id}/{CPU}"] = b"\x1f\x8bwh0le"
    fetched = run("fetch", capture.id, "-o", str(tmp_path / "out"))

    assert fetched.code == 1
    assert "another checksum" in fetched.err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_capture_without_files_has_nothing_to_fetch(run: Run, web: WebApp, service: str) -> None:
    assert "no files; it is failed" in run("fetch", web.keep_failed().id).err


def test_the_top_functions_are_printed(run: Run, web: WebApp, service: str) -> None:
    shown = run("top", web.keep_completed().id, "-n", "300", "--sample-type", "samples")

    assert shown.code == 0
    assert "10s" in shown.out
    assert "70.00%" in shown.out
    assert "main.burn<T>" in shown.out
    assert web.tops[0][1:] == (300, "samples")


def test_a_capture_is_asked_for(run: Run, web: WebApp, service: str) -> None:
    asked = run("capture", "10.0.0.5", "--pid", "21181", "--duration", "1m", "--note", "slow")

    id_, address = asked.out.splitlines()[-1].split()
    capture = web.ledger.get(id_)
    assert address == f"{service}/ui/captures/{id_}"
    assert capture and dict(capture.trigger.labels) == {"host": "10.0.0.5", "pid": "21181"}
    assert capture.trigger.note == "slow"


@pytest.mark.parametrize(
    "args", [[], ["--pid", "7", "--port", "80"], ["--unit", ""], ["--pid", "7", "--duration", "30"]]
)
def test_a_capture_asked_for_wrongly_is_2(run: Run, web: WebApp, service: str, args: list[str]) -> None:
    assert run("capture", "10.0.0.5", *args).code == 2
    assert not any(web.ledger.counts().values())


@pytest.mark.parametrize(("state", "code"), [(State.COMPLETED, 0), (State.FAILED, 1)])
def test_wait_shows_the_progress_then_the_files_and_the_top(  # noqa: PLR0917
    run: Run, web: WebApp, service: str, monkeypatch: pytest.MonkeyPatch, state: State, code: int
) -> None:
    made = web.keep_completed()
    waiting: list[str] = []

    def work(_: float) -> None:
        """Stands in for the half second between two looks."""
        claim = web.ledger.claim(web.now, "test", timedelta(minutes=1))
        assert claim is not None
        waiting.append(claim.capture.id)
        web.store.files[f"{claim.capture.id}/{CPU}"] = b"\x1f\x8bthe profile"
        files = replace(claim.capture, artifacts=made.artifacts).with_event(
            web.now, "collect", "the cpu profile is home"
        )
        web.ledger.release(claim, files.ended(state, web.now))

    monkeypatch.setattr("app.cli.capture.time.sleep", work)
    done = run("capture", "10.0.0.5", "--pid", "21181", "--wait")

    assert done.code == code, done.err
    assert len(waiting) == 1
    assert done.out.count("asked for by") == 1
    assert done.out.index("asked for by") < done.out.index("the cpu profile is home") < done.out.index("main.burn")
    assert f"{service}/captures/{waiting[0]}/artifacts/{CPU}" in done.out


def test_a_service_that_does_not_answer_is_one_sentence(run: Run) -> None:
    refused = run("captures", "--url", "http://127.0.0.1:9")

    assert refused.code == 1
    assert "does not answer" in refused.err
    assert refused.err.count("\n") == 1


def test_a_service_that_speaks_no_tls_is_told_with_the_remedy(run: Run, service: str) -> None:
    assert "it speaks no TLS; write --url http://" in run("captures", "--url", service.replace("http", "https")).err


def test_a_password_in_the_address_goes_along_and_is_not_shown(run: Run, web: WebApp, service: str) -> None:
    web.keep_completed()
    shown = run("capture", "10.0.0.5", "--pid", "7", "--url", service.replace("//", "//alice:s3cret@"))
    refused = run("captures", "--url", "http://alice:s3cret@127.0.0.1:9")

    assert (shown.code, refused.code) == (0, 1)
    assert "alice (127.0.0.1)" in web.client.get("/captures").text
    assert "s3cret" not in shown.out + shown.err + refused.err


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x", "http://[::1"])
def test_an_address_that_is_none_is_one_sentence(run: Run, url: str) -> None:
    refused = run("captures", "--url", url)

    assert refused.code == 1
    assert refused.err.startswith("alertprof: ")
    assert refused.err.count("\n") == 1


def test_the_token_comes_from_its_file(
    run: Run, web: WebApp, service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (token := tmp_path / "token").write_text("people-1\n")
    seen: list[str] = []
    monkeypatch.setattr(
        "app.web.auth.guard.refuse_other_sites", lambda headers, _: seen.append(headers.get("authorization", ""))
    )
    monkeypatch.setenv("ALERTPROF_TOKEN_FILE", str(token))

    assert run("capture", "h", "--pid", "7").code == 0
    assert seen == ["Bearer people-1"]
    token.unlink()
    assert "ALERTPROF_TOKEN_FILE" in run("captures").err


def test_every_command_that_takes_an_address_takes_a_token_file() -> None:
    group: Any = typer.main.get_command(cli.app)
    takes = {name: {option.name for option in command.params} for name, command in group.commands.items()}
    assert [name for name, options in takes.items() if "url" in options and "token_file" not in options] == []


CLIENTS = (
    ("capture", "10.0.0.5", "--pid", "7"),
    ("captures",),
    ("show", "none"),
    ("fetch", "none"),
    ("top", "none"),
    ("unblock", "none"),
)


def blocked(web: WebApp, build: str, name: str) -> Blocked:
    said = f"10.0.0.5: pid 7 ({name}) ended 0.4 s after our SIGUSR2"
    one = Blocked(id_of(build), build, f"/srv/{name}", "10.0.0.5", 7, "c1", web.now, "SIGUSR2", said)
    web.ledger.block(one)
    return one


def test_an_executable_is_signalled_again_after_unblock(run: Run, web: WebApp, service: str) -> None:
    one, other = blocked(web, "go:a", "orders"), blocked(web, "go:b", "pay\x1b[2J")
    done, shortened = run("unblock", one.id), run("unblock", other.id[:6])
    assert (done.code, shortened.code) == (0, 0)
    assert done.out.endswith("/srv/orders (build go:a) may be signalled again.\n")
    assert shortened.out.endswith("/srv/pay\\x1b[2J (build go:b) may be signalled again.\n")
    assert web.ledger.blocked() == ()


def test_an_id_that_is_not_blocked_is_answered_with_those_that_are(run: Run, web: WebApp, service: str) -> None:
    none = run("unblock", "77")
    assert (none.code, none.err) == (1, "alertprof: no executable is blocked as '77'; none is\n")
    one = blocked(web, "go:a", "pay\x1b[2J")
    for wrong in ("zz", one.id + "0", ""):
        said = run("unblock", wrong)
        assert said.code == 1
        assert f"alertprof: {one.id}  2026-11-23 12:00:00  10.0.0.5: pid 7 (pay\\x1b[2J) ended" in said.err
    assert web.ledger.blocked() == (one,)


def test_an_id_that_several_begin_with_takes_none_off_the_list(run: Run, web: WebApp, service: str) -> None:
    for n in range(17):
        blocked(web, f"go:{n}", "orders")
    first = Counter(one.id[0] for one in web.ledger.blocked()).most_common(1)[0][0]
    said = run("unblock", first)
    assert (said.code, said.out) == (2, "")
    assert f"ids begin with {first}; write more of it" in said.err
    assert len(web.ledger.blocked()) == 17


def test_show_says_the_findings(run: Run, web: WebApp, service: str) -> None:
    finding = Finding("critical", "it ended 0.4 s after our SIGUSR2", "why", code="ended_after_signal")
    shown = run("show", web.keep_completed(findings=(finding,)).id)
    assert "critical: it ended 0.4 s after our SIGUSR2\n" in shown.out


@pytest.mark.parametrize("command", CLIENTS, ids=lambda command: str(command[0]))
def test_every_command_that_asks_the_service_takes_a_token_file_and_says_so_when_it_is_missing(
    run: Run, guarded: Path, command: tuple[str, ...]
) -> None:
    refused, helped = run(*command), run(command[0], "--help")
    opened = run(*command, "--token-file", str(guarded))

    assert refused.code == 1
    assert "--token-file FILE or ALERTPROF_TOKEN_FILE" in refused.err
    assert "--token-file" in helped.out and "ALERTPROF_TOKEN_FILE" in helped.out
    assert opened.code == 0 or "There is no capture 'none'" in opened.err or "is blocked as 'none'" in opened.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"another\n", "The one in --token-file or ALERTPROF_TOKEN_FILE is none of those that open it."),
        (b"", "is empty; write the token into it"),
        (b"\xff\xfe", "holds no token"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_token_file_that_opens_nothing_is_1_with_the_reason(
    run: Run, guarded: Path, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "mine"
    file.write_bytes(content) if content is not None else None
    refused = run("captures", "--token-file", str(file))

    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert sentence in refused.err
    assert "secret" not in refused.err


def test_a_password_that_opens_nothing_is_told(run: Run, guarded: Path, service: str) -> None:
    refused = run("captures", "--url", service.replace("//", "//alice:s3cret@"))

    assert "The name and password in --url do not open it." in refused.err


def test_links_prints_lines_that_open_each_file_without_a_token(
    run: Run, web: WebApp, guarded: Path, service: str
) -> None:
    capture = web.keep_completed(b"\x1f\x8bthe profile")
    asked = ("links", capture.id, "--token-file", str(guarded))
    done = run(*asked, "--lifetime", "10m")

    assert done.code == 0
    line, end = done.out.splitlines()
    url = line.removeprefix(f"cpu  go tool pprof {service}")
    assert web.client.get(url).content == b"\x1f\x8bthe profile"
    assert end == "They open the files without a token until 2026-11-23 12:10:00 UTC, for whoever has them."
    assert run(*asked, "--lifetime", "2d").code == 2
    assert run("links", capture.id).code == 1
