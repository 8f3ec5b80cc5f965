"""Which sentence of ours the last words of a login choose; each as its program says it."""

import pytest

from app.gate.last_words import of_shell, of_sudo, short_of_resources

SUDO = "exec sudo -n /bin/sh -s"


@pytest.mark.parametrize(
    "words",
    [
        "bash: line 1: exec: restricted",
        "bash: line 1: /bin/sh: restricted: cannot specify `/' in command names",
        "ksh: exec: /bin/sh: restricted",
        "W: mksh: /bin/sh: restricted",
        "Welcome\nzsh:exec:1: /bin/sh: restricted\nbye",
    ],
)
def test_a_restricted_shell_is_known_by_its_own_words(words: str) -> None:
    assert "restricted shell" in of_shell(words, 1)


def test_an_account_without_a_shell_is_known_by_the_words_of_nologin() -> None:
    assert "nologin" in of_shell("This account is currently not available.", 1)


@pytest.mark.parametrize(
    "greeting",
    [
        "WARNING: access is RESTRICTED to authorised staff",
        "NOTICE: this is a restricted: system",
        "the backup service is not available until 6:00",
        "see /etc/nologin.d for help",
        "this host is not /bin/sh friendly",
        "your password is required to be changed in 3 days",
        "you are not allowed to run jobs on the login node",
        "quota: no space left for backups",
    ],
)
def test_a_greeting_is_not_taken_for_the_reason(greeting: str) -> None:
    words = f"{greeting}\nlicence expired"
    assert of_shell(words, 3).startswith("the login ends before the gate begins")
    assert not of_sudo(words, "ops", SUDO)
    assert not short_of_resources(words)


@pytest.mark.parametrize(
    "words",
    [
        "sudo: a password is required",
        "sudo: a terminal is required to read the password; either use the -S option or configure an askpass helper",
        "ops is not in the sudoers file.",
        "Sorry, user ops is not allowed to execute '/bin/sh -s' as root on web1.",
        "Sorry, user ops may not run sudo on web1.",
        "sudo: account or password is expired, reset your password and try again",
        "sudo: interactive authentication is required",  # these are sudo-rs', Ubuntu's since 25.10
        "sudo: I'm sorry ops. I'm afraid I can't do that",
        "sudo: Sorry, user ops may not run /bin/sh -s on web1.",
    ],
)
def test_a_line_of_sudoers_is_asked_for_where_sudo_wants_a_password_or_has_none(words: str) -> None:
    assert "ops ALL=(root) NOPASSWD: /bin/sh -s" in of_sudo(f"Welcome\n{words}", "ops", SUDO)


def test_requiretty_is_known_by_the_words_of_sudo() -> None:
    assert "requiretty" in of_sudo("sudo: sorry, you must have a tty to run sudo", "ops", SUDO)
