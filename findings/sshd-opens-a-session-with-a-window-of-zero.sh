#!/bin/sh
# A client may send on a channel what the server's window allows, as soon as the channel is open (RFC 4254, 5.2). So one
# would send a command's input together with the request to run it, and save a round trip. OpenSSH's sshd opens every
# session with a window of 0, and makes it 2 MiB only when it runs the command: the input has to wait for that.
#
# Seen with OpenSSH 9.2p1 and paramiko 5.1.0:
#   window when the session is open:   0
#   window when the command runs:      2097152
#
# Needs sshd; runs one on loopback with throwaway keys.
set -eu
dir=$(mktemp -d)
trap 'kill "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null || :; rm -rf "$dir"' EXIT
PATH=$PATH:/usr/sbin:/sbin
sshd=$(command -v sshd)
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q --disable-pip-version-check install paramiko==5.1.0
ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
cp "$dir/key.pub" "$dir/authorized_keys"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "ListenAddress 127.0.0.1:$port" "HostKey $dir/host" "PidFile $dir/pid" 'StrictModes no' 'UsePAM no' \
  "AuthorizedKeysFile $dir/authorized_keys" 'PermitRootLogin yes' >"$dir/config"
"$sshd" -f "$dir/config" -E "$dir/log"
cat >"$dir/windows.py" <<'PYTHON'
import getpass
import socket
import sys

import paramiko

port, key = int(sys.argv[1]), paramiko.Ed25519Key.from_private_key_file(sys.argv[2])
transport = paramiko.Transport(socket.create_connection(("127.0.0.1", port), timeout=10))
transport.connect(username=getpass.getuser(), pkey=key)
session = transport.open_session()
opened = session.out_window_size
session.exec_command("echo it runs; cat")
session.recv(100)
running = session.out_window_size
transport.close()
print("window when the session is open:  ", opened)
print("window when the command runs:     ", running)
if (opened, running) != (0, 2097152):
    sys.exit("changed")
print("as described")
PYTHON
"$dir/venv/bin/python" -W ignore "$dir/windows.py" "$port" "$dir/key"
