#!/bin/sh
# paramiko 5.1.0 breaks off a key exchange with "no acceptable macs" although both sides have agreed on AES-GCM, which
# authenticates by itself and with which neither side uses a MAC. OpenSSH ignores the two lists of MACs then: a server
# with `Ciphers aes256-gcm@openssh.com` and `MACs umac-128-etm@openssh.com` is reached by ssh and not by paramiko. Nor
# does the choice of the MAC matter afterwards: with one in common, the same two peers talk, and none is used.
#
# Seen: no MAC in common:   IncompatiblePeer: Incompatible ssh server (no acceptable macs)
#       one MAC in common:  agreed on aes256-gcm@openssh.com
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q --disable-pip-version-check install paramiko==5.1.0 cryptography==50.0.2
cat >"$dir/peers.py" <<'PYTHON'
import logging
import socket
import sys
import threading

import paramiko

logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def met(clients: str, servers: str) -> str:
    ends = [paramiko.Transport(end) for end in socket.socketpair()]
    client, server = ends
    for end, mac in ((client, clients), (server, servers)):
        options = end.get_security_options()
        options.ciphers, options.digests = ("aes256-gcm@openssh.com",), (mac,)
    server.add_server_key(paramiko.ECDSAKey.generate())
    try:
        server.start_server(server=paramiko.ServerInterface(), event=threading.Event())
        client.start_client(timeout=20)
        return f"agreed on {client.remote_cipher}"
    except paramiko.SSHException as fault:
        return f"{type(fault).__name__}: {fault}"
    finally:
        for end in ends:
            end.close()


apart = met("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
together = met("hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com")
print("no MAC in common: ", apart)
print("one MAC in common:", together)
if "no acceptable macs" not in apart or together != "agreed on aes256-gcm@openssh.com":
    sys.exit("changed")
print("as described")
PYTHON
"$dir/venv/bin/python" -W ignore "$dir/peers.py"
