"""The gate as a file for the target, for a key that may do nothing else. Called by cli/program.py's `gate`.

Over such a key no program is sent: whatever the client asks for, sshd runs the gate (`command=`), which takes its few
verbs in its strict grammar and nothing else. It runs under sudo since signals and /proc want the service's rights.
"""

from collections.abc import Iterable

from app.gate.assemble import assembled
from app.gate.recipes import MAPPED, MEMORY, Recipe

PLACE = "/usr/local/libexec/alertprof-gate"

HEADER = f"""\
#!/bin/sh
# alertprof's gate for a forced-command SSH key. To install it on a host, as root:
#
#   install -o root -g root -m 0755 alertprof-gate {PLACE}
#   useradd --system --create-home --shell /bin/sh profiler        # any account; its password stays locked by `*`
#   usermod -p '*' profiler
#
# ~profiler/.ssh/authorized_keys, one line, with alertprof's public key and the address that it comes from:
#
#   restrict,from="192.0.2.10",command="sudo -n {PLACE}" ssh-ed25519 AAAA… alertprof
#
# That is for OpenSSH. dropbear knows no from= and refuses the whole key whose line has it, without a word; its line:
#
#   restrict,command="sudo -n {PLACE}" ssh-ed25519 AAAA… alertprof
#
# From where that key may come, a firewall has to say.
#
# /etc/sudoers.d/alertprof (visudo -c must say ok); the "" allows no arguments:
#
#   Defaults:profiler !requiretty, env_reset
#   profiler ALL=(root) NOPASSWD: {PLACE} ""
#
# In alertprof's configuration, for this host:  ssh: {{user: profiler, gate: installed}}
#
# The commands, signals, logs and variables that the rules name are part of this file: print and install it anew when
# they change.
#
# With it the key opens no shell, forwards nothing and reads no file but those of recordings that it made itself,
# and the ends of logs that the rules name.
"""


READS_MEMORY = """\
# But the configuration names go-memory: with it the key also reads the memory of every process that root may read,
# whatever is in it.
#
"""

READS_CODE = """\
# But a rule's profiler makes profiles that may lack names: with it the key also reads the executables and
# libraries that processes run.
#
"""


def script(recipes: Iterable[Recipe] = ()) -> str:
    """The file, whole. It knows the commands and signals of these recipes, and of no other configuration."""
    recipes = tuple(recipes)
    reads = (READS_MEMORY if MEMORY in recipes else "") + (READS_CODE if MAPPED in recipes else "")
    return HEADER + reads + assembled(recipes)
