"""Do the files that a configuration names exist, and can they be used? For `check-config` and `serve`.

settings.py does not check this: the files are read when they are used, so the service runs without them and uses them
once they exist. The sentences are those that a capture would have as its reason.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from app.config.file import Block, Whole
from app.config.notifiers import Named
from app.config.object_store import ObjectStore
from app.config.settings import checked, content
from app.config.yaml_marks import Fault, Loc, read
from app.errors import Refused
from app.hosts import known_hosts
from app.hosts.identities import Identities, Offer
from app.web.auth.links import read_keys
from app.web.auth.tokens_file import TokensUnreadable, read_tokens

OF_SYSTEMD = Path("/run/credentials")  # systemd creates the files when the unit starts
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def faults(file: Path) -> list[Fault]:
    """What is wrong with the files that the configuration names, each at its place. Raises BadConfig."""
    marked = read(content(file))
    named = files_in(checked(marked, file, Whole), ())
    checked_files = ((loc, CHECKS.get(key, token)(path)) for loc, key, path in named if OF_SYSTEMD not in path.parents)
    return [marked.fault(loc if loc in marked.nodes else loc[:-1], said) for loc, said in checked_files if said]


def files_in(block: Block | ObjectStore, at: Loc) -> Iterator[tuple[Loc, str, Path]]:
    """Every path in the block: its place, the key that names it, and the path. at: the place of the block."""
    for key, value in block:
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, Path):
                yield (*at, key, index), key, one
            elif isinstance(one, Named):
                yield from ((((*at, key, index, name)), SECRETS, file) for name, file in one.files())
            elif isinstance(one, Block | ObjectStore):
                yield from files_in(one, (*at, key, index) if isinstance(value, list) else (*at, key))


def without_file(home: Path) -> list[str]:
    """What the default files lack, for a service without a configuration file. home: the user's home."""
    ssh, said = home / ".ssh", []
    known = (ssh / "known_hosts", ssh / "known_hosts2", Path("/etc/ssh/ssh_known_hosts"))
    keys = (*(ssh / name for name in DEFAULT_KEYS), ssh / "config")
    if not any(file.exists() for file in known):
        said.append(f"no host is known: there is no {known[0]}; ssh-keyscan HOST >> {known[0]}")
    if not os.environ.get("SSH_AUTH_SOCK") and not any(file.exists() for file in keys):
        said.append(f"there is no key to log in with: no agent, and no {keys[0]}; ssh-keygen -t ed25519 makes one")
    return said


def private_key(file: Path) -> str:
    """Why the file is no private key that can be used; "" for one that can."""
    if not file.exists():
        return f"there is no {file}; make a key with: ssh-keygen -t ed25519 -N '' -f {file}"
    if file.is_dir():
        return f"{file} is a directory; name the private key in it"
    offer = Offer((file,), ())
    try:
        usable = next(Identities().offered(offer), None)
    except OSError as fault:
        return f"{file} cannot be read: {fault.strerror}"
    except Refused as refused:
        return f"{file} is a public key; name the private one" if is_public(file) else refused.reason.message
    return "" if usable else offer.notes[0]


def is_public(file: Path) -> bool:
    """Whether the file begins like a public key."""
    return file.read_bytes()[:100].startswith((b"ssh-", b"ecdsa-", b"sk-"))


def known(file: Path) -> str:
    """Why the file is no known_hosts file with a key; "" for one that is."""
    if not file.exists():
        return f"there is no {file}, so no host is known: ssh-keyscan HOST >> {file}, and compare the fingerprints"
    try:
        lines = list(known_hosts.parse(file))
    except OSError as fault:
        return f"{file} cannot be read: {fault.strerror}"
    return "" if lines else f"{file} has no host's key: ssh-keyscan HOST >> {file}, and compare the fingerprints"


def token(file: Path, read: Callable[[Path], list[bytes]] = read_tokens) -> str:
    """Why `read` finds nothing usable in the file; "" if it does."""
    try:
        read(file)
    except TokensUnreadable as fault:
        return str(fault)
    return ""


def readable(file: Path) -> str:
    """Why the file cannot be read, or holds nothing; "" for one that can."""
    try:
        return "" if file.read_bytes().strip() else f"{file} is empty"
    except OSError as fault:
        return f"{file} cannot be read: {fault.strerror}"


SECRETS = "of a notifier"
CHECKS: dict[str, Callable[[Path], str]] = {
    "identity_file": private_key,
    "known_hosts_file": known,
    SECRETS: readable,
    **dict.fromkeys(
        ("database_password_file", "secret_access_key_file", "service_account_file", "account_key_file"), readable
    ),
    "link_key_file": partial(token, read=read_keys),
}
