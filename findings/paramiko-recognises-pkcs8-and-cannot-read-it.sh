#!/bin/sh
# paramiko 5.1.0's PKey.from_path(), which is there to load "a key of whatever type", parses a private key in PKCS#8
# (BEGIN PRIVATE KEY: what `openssl genpkey`, clouds and Terraform write, and ssh reads) without complaint to learn its
# type, and then hands the file to a class that reads only BEGIN RSA/EC PRIVATE KEY and BEGIN OPENSSH PRIVATE KEY. It
# says "not a valid RSA private key file". The same key in OpenSSH's format loads.
#
# Seen: PKCS#8:   SSHException: not a valid RSA private key file
#       OpenSSH:  RSAKey
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q --disable-pip-version-check install paramiko==5.1.0 cryptography==50.0.2
cat >"$dir/load.py" <<'PYTHON'
import sys
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

key, file = rsa.generate_private_key(65537, 2048), Path(sys.argv[1]) / "key"


def loaded(form: PrivateFormat) -> str:
    file.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    try:
        return type(paramiko.PKey.from_path(file)).__name__
    except paramiko.SSHException as fault:
        return f"{type(fault).__name__}: {fault}"


pkcs8, openssh = loaded(PrivateFormat.PKCS8), loaded(PrivateFormat.OpenSSH)
print("PKCS#8: ", pkcs8)
print("OpenSSH:", openssh)
if (pkcs8, openssh) != ("SSHException: not a valid RSA private key file", "RSAKey"):
    sys.exit("changed")
print("as described")
PYTHON
"$dir/venv/bin/python" -W ignore "$dir/load.py" "$dir"
