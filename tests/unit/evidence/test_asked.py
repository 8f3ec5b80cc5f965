"""What a rule may ask for besides the profile, and what becomes of the answers."""

from datetime import timedelta

import pytest

from app.evidence.asked import Asked, Log
from app.gate.log_lines import LogEnd, log_in, variables_in
from app.redaction import BUILT_IN

NOW = 1_790_000_000  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize("path", ["x.log", "/x.log", "/var/../etc/shadow", "/var//x.log", "/var/x/", "/proc/1/environ",
                                  "/dev/sda", "/var/log/a\nb", "//var/x"])  # fmt: skip
def test_only_an_absolute_path_in_its_shortest_form_is_a_log(path: str) -> None:
    with pytest.raises(ValueError, match="is no log; write the absolute path"):
        Log(file=path)


@pytest.mark.parametrize("unit", ["-x", "a b.service", "orders*", "$(x)", "a/b"])
def test_only_the_name_of_a_unit_is_one(unit: str) -> None:
    with pytest.raises(ValueError, match="is no unit"):
        Log(unit=unit)


def test_words_of_the_configuration_are_quoted_in_the_script() -> None:
    assert "go) print_file /srv/x 'it'\"'\"'s $(id).log' ;;" in Log(file="/srv/x/it's $(id).log").recipe.body
    assert "go) print_unit orders@1.service ;;" in Log(unit="orders@1.service").recipe.body
    asked = Asked((Log(unit="orders.service"),), ("GOGC", "GOMEMLIMIT"))
    assert [recipe.id for recipe in asked.recipes()] == [asked.logs[0].recipe.id, asked.variables.id]
    with pytest.raises(ValueError, match="is no name of a variable"):
        Asked(environment=("GOGC|.*",))


def test_lines_of_before_are_left_out_where_they_name_their_time_and_its_zone() -> None:
    lines = (
        "no time yet",
        '{"@timestamp":"2026-09-21T22:10:00.123+08:00","content":"old"}',
        "\tat old.go:1",
        '1.2.3.4 - - [21/Sep/2026:14:13:00 +0000] "GET / HTTP/1.1"',
        "2026-09-21T14:13:10Z access.log disabled",
        "2026-09-21 14:00:00 without a zone",
    )
    assert LogEnd("ok", lines, NOW).since(timedelta(minutes=1)) == (lines[0], *lines[3:])
    assert LogEnd("ok", lines).since(timedelta(minutes=1)) == lines


def test_secrets_and_what_a_terminal_obeys_are_not_in_the_lines() -> None:
    key = ("-----BEGIN PRIVATE KEY-----", "MIIE", "-----END PRIVATE KEY-----")
    coloured = "\x1b[36mpassword\x1b[0m=x \x1b]0;y\x07"
    said = [("log", line) for line in ("a part", *key, coloured)]
    said += [("now", str(NOW)), ("cut", "1")]
    end = log_in("ok", said, BUILT_IN)
    hidden = "-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----"
    assert end.lines == (hidden, "password=[redacted]  ]0;y ")
    assert (end.code, end.now) == ("ok", NOW)
    assert log_in("absent", [], BUILT_IN) == LogEnd("absent")


def test_variables_are_told_by_name_and_secret_ones_without_their_value() -> None:
    said = [("variable", "GOGC=150"), ("variable", "API_TOKEN=a b"), ("variable", "OTHER=1"), ("variable", "GOGC=2")]
    found = variables_in(said, ("GOGC", "API_TOKEN"), BUILT_IN)
    assert found == {"GOGC": "150", "API_TOKEN": "[redacted]"}
