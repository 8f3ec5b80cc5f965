"""What `alertprof gate` prints for people, beside the script itself."""

import re

from app.gate.installed import script


def test_there_is_a_line_of_authorized_keys_for_openssh_and_one_that_dropbear_takes() -> None:
    """dropbear knows no from= and refuses the whole key whose line has it."""
    comments = [line.removeprefix("#").strip() for line in script().splitlines() if line.startswith("#")]
    keys = [line for line in comments if re.match(r"restrict,.*ssh-ed25519", line)]
    assert ["from=" in line for line in keys] == [True, False]
    assert any("dropbear" in line and "from=" in line for line in comments)
    assert all('command="sudo -n /usr/local/libexec/alertprof-gate"' in line for line in keys)
