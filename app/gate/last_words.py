"""What ended a login before our gate began, told by what it said last. Called by entry.py. Pure.

The words are a stranger's: they choose a sentence of ours, and are quoted bounded and escaped. Greetings are among
them ("access is RESTRICTED", "not available until six"), so only what programs themselves say counts.
"""

import re

from app.hosts.pipe import one_line

ANOTHER_SHELL = 126  # the status with which entry.py's first lines end whatever reads them instead of /bin/sh

SHORT = re.compile(
    r"cannot allocate memory|resource temporarily unavailable|out of memory|cannot fork|can't fork|fork failed"
    r"|too many open files|no space left on device|text file busy|input/output error",
    re.I,
)
# sudo's own words, and the remedy for each; the first that fits.
SUDO = (
    (
        r"must have a tty to run sudo",
        "sudo wants a terminal (requiretty): add `Defaults:{user} !requiretty` to sudoers",
    ),
    (
        r"sudo: (a password is required|account or password is expired|a terminal is required"
        r"|account validation failure|interactive authentication is required|I'm sorry \S{1,64} I'm afraid I can't)"
        r"|not in the sudoers|not allowed to (run sudo|execute) |user \S{1,64} may not run ",
        "sudo does not let this account run `{command}` without a password: add a sudoers line "
        "(`{user} ALL=(root) NOPASSWD: {program}`)",
    ),
    (
        r"unable to allocate pty|unable to open pty",
        "sudo finds no pseudo-terminal for the command (use_pty): mount /dev/pts there, "
        "or add `Defaults:{user} !use_pty` to sudoers",
    ),
    (
        r"sudo: (command )?not found|sudo: no such file|unknown command.{0,200}sudo|sudo: inaccessible or not found",
        "there is no sudo: install it",
    ),
    (
        r"effective uid is not 0|no new privileges|must be owned by uid 0",
        "sudo itself has no rights there (nosuid, no_new_privs): run sshd without them, or log in as root",
    ),
    (
        r"uname: .{0,200}(permission denied|operation not permitted|cannot execute)",
        "sudo lets the shell start no other program (noexec): add `Defaults!/bin/sh !noexec` to sudoers",
    ),
)
RESTRICTED = re.compile(r": restricted(: cannot .{0,200})?$", re.M)  # bash, ksh, mksh, zsh
NO_LOGIN = "This account is currently not available"


def last_line(text: str) -> str:
    """The last line that says anything, harmless; "" for none."""
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(ValueError(lines[-1])) if lines else ""


def short_of_resources(words: str) -> bool:
    """The host could not, this time."""
    return bool(SHORT.search(words))


def of_sudo(words: str, user: str, command: str) -> str:
    """What sudo refused, with the remedy, where the words are sudo's; else ""."""
    program = command.partition("sudo -n ")[2]
    for pattern, remedy in SUDO:
        if re.search(pattern, words, re.I):
            return remedy.format(user=user, command=command.removeprefix("exec "), program=program)
    refused = [line for line in words.splitlines() if line.startswith("sudo: ") and "unable to resolve" not in line]
    return "sudo refuses" if refused else ""


def of_shell(words: str, status: int | None) -> str:
    """What there is instead of a shell that runs our gate, with the remedy."""
    if RESTRICTED.search(words):
        return (
            "the account has a restricted shell, which starts no /bin/sh: give it another one (`usermod --shell`), "
            "or bind the key to the gate (`alertprof gate` tells how)"
        )
    if NO_LOGIN in words:
        return "the account may not log in (nologin, false): give it a shell, as `usermod --shell /bin/sh`"
    if status in (ANOTHER_SHELL, 127) or "reads, not /bin/sh" in words:
        return (
            "something else reads what is meant for /bin/sh: a start-up file of the account runs another shell in its "
            "place (exec); let it do so for terminals only"
        )
    return (
        "the login ends before the gate begins: a start-up file of the account, its shell or a forced command "
        "(ForceCommand, command=) ends it"
    )
