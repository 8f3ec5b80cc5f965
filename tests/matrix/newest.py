"""The newest servers that the machine's own Debian mirror has, run beside the installed ones."""

from pathlib import Path

from tests.lab import debian

FOLDER = Path(".cache/matrix").resolve()
PACKAGES = ("openssh-server", "openssh-client", "dropbear-bin")
PROGRAMS = ("sbin/sshd", "bin/ssh", "sbin/dropbear", "lib/openssh/sshd-session", "lib/openssh/sshd-auth")


def programs() -> Path:
    """A folder with PROGRAMS, by their bare names. Raises debian.NotToBeHad."""
    return debian.unpacked(FOLDER, PACKAGES, PROGRAMS)
