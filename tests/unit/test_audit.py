"""The audit log: what is in its lines, and what becomes of it on a full disk."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from app.audit import AuditLog


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_event_is_a_line_of_json_that_names_the_capture_at_work(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    audit = AuditLog(file)
    with bound_contextvars(capture_id="019a"):
        audit.write("verb", host="10.0.0.5", verb="start", words="1 2 3")
    audit.write("request", path="/\n\x1b[2J\u202e", who="")
    verb, request = lines(file)
    assert verb.pop("ts")
    assert verb == {"event": "verb", "capture_id": "019a", "host": "10.0.0.5", "verb": "start", "words": "1 2 3"}
    assert "who" not in request
    assert file.read_text().isascii(), "nothing in it moves a cursor"
    assert file.stat().st_mode & 0o077 == 0


def test_a_full_disk_raises_nothing_and_the_first_line_that_fits_says_how_many_are_missing(tmp_path: Path) -> None:
    lost, place = list[bool](), tmp_path / "audit.log"
    place.symlink_to("/dev/full")
    audit = AuditLog(place, lambda: lost.append(True))
    for _ in range(3):
        audit.write("verb", verb="look")
    assert len(lost) == 3
    place.unlink()
    audit.reopen()
    audit.write("verb", verb="see")
    assert [(each["event"], each.get("lines"), each.get("verb")) for each in lines(place)] == [
        ("lost", 3, None),
        ("verb", None, "see"),
    ]
    assert len(lost) == 3


def test_a_line_that_was_torn_when_the_service_was_killed_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text('{"event": "started"}\n{"event": "ver')
    AuditLog(file).write("started")
    AuditLog(file).write("started")
    assert [line[:11] for line in file.read_text().splitlines()] == [
        '{"event": "',
        '{"event": "',
        '{"ts": "202',
        '{"ts": "202',
    ]


def test_after_a_rotation_lines_go_to_the_new_file_once_it_is_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    audit = AuditLog(file)
    audit.write("started")
    file.rename(tmp_path / "audit.log.1")
    audit.write("reload")
    audit.reopen()
    audit.write("stopped")
    assert [each["event"] for each in lines(tmp_path / "audit.log.1")] == ["started", "reload"]
    assert [each["event"] for each in lines(file)] == ["stopped"]


def test_a_file_that_cannot_be_opened_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"--audit\.log .* cannot be opened .*: name a file in a writable directory"):
        AuditLog(tmp_path / "missing" / "audit.log")


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    audit = AuditLog(None)
    audit.write("started")
    audit.reopen()
    assert not list(tmp_path.iterdir())
