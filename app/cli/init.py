"""`alertprof init`: a first configuration with its key and known_hosts; it overwrites nothing."""

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import Annotated, Final

import typer

from app.cli.console import fail, plain, say

CONFIGURATION: Final = """\
# yaml-language-server: $schema=alertprof.schema.json
# Every key: alertprof's docs/configuration.md. Check this file with: alertprof check-config FILE
ssh:
  user: {user}
  port: {port}
  identity_file: id_ed25519
  known_hosts_file: known_hosts
storage:
  database: {database}
  artifacts: {artifacts}
"""
RECEIVER: Final = """\
receivers:
  - name: alertprof
    webhook_configs:
      - url: http://127.0.0.1:9911/webhook
        send_resolved: true"""
FILES: Final = ("alertprof.yml", "id_ed25519", "id_ed25519.pub", "known_hosts")


def init(
    *,
    folder: Annotated[Path, typer.Option("--directory", metavar="DIR", help="Where the files go.")] = Path("alertprof"),
    host: Annotated[list[str] | None, typer.Option(help="A host to profile on; may be repeated.")] = None,
    user: Annotated[str | None, typer.Option(help="The account on the hosts.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of their sshd.")] = 22,
    accept: Annotated[bool, typer.Option("--accept-keys", help="Take the keys that the hosts show, unasked.")] = False,
) -> None:
    """Write a first configuration, a key and known_hosts; say what to put where; and look at the hosts."""
    folder = folder.absolute()
    if there := [name for name in FILES if (folder / name).exists()]:
        fail(f"{folder / there[0]} is there already, and nothing was changed; choose another --directory")
    hosts = host or asked("Hosts to profile on, separated by spaces", "--host").split()
    if not hosts:
        fail("there is no host to profile on; name one", 2)
    user = user or asked("The account on them", "--user")
    if not user.isprintable() or set(user) & set(" :#'\"{}[]"):
        fail(f"--user {user!r} is no account; write its name alone, as --user profiler", 2)
    lines = [confirmed(each, port, accept=accept) for each in hosts]
    public = written(folder, user, port, lines)
    say(next_steps(folder, public, hosts))
    examined(folder / "alertprof.yml", hosts)


def asked(question: str, option: str) -> str:
    """What a person answers. Exits with 2 where nobody can."""
    if not sys.stdin.isatty():
        fail(f"nobody can be asked here; give {option}", 2)
    return str(typer.prompt(question))


def confirmed(host: str, port: int, *, accept: bool) -> str:
    """The line of known_hosts, once a person has compared the fingerprint. Exits with 1 where it is not so."""
    from app.errors import Refused  # noqa: PLC0415
    from app.hosts.first_contact import shown_key  # noqa: PLC0415
    from app.hosts.names import plain as name_of  # noqa: PLC0415

    try:
        line, fingerprint = shown_key(name_of(host), port)
    except (Refused, OSError) as fault:
        fail(f"{fault}; give the right --host and --port: {host} and {port} were tried")
    typer.echo(plain(f"{host} shows {line.split()[1]} {fingerprint}"))
    if accept:
        return line
    if not sys.stdin.isatty():
        fail("compare this with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there, then give --accept-keys", 2)
    if not typer.confirm("Does the host say the same (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, run there)?"):
        fail(f"the key of {host} is not taken, and nothing was written; compare them, then type alertprof init again")
    return line


def written(folder: Path, user: str, port: int, known: list[str]) -> str:
    """Writes the files, for their owner alone: all of them or none. Returns the public key. Exits with 1 where that is
    not possible."""
    from app.hosts.first_contact import key_pair  # noqa: PLC0415

    private, public = key_pair("alertprof")
    texts = configuration(folder, user, port), private.decode(), f"{public}\n", "".join(f"{line}\n" for line in known)
    with ExitStack() as undo:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, text in zip(FILES, texts, strict=True):
                with os.fdopen(
                    os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
                ) as file:
                    undo.callback((folder / name).unlink, missing_ok=True)
                    file.write(text)
        except OSError as fault:
            said = f"{fault.filename or folder} cannot be written: {fault.strerror}; nothing was left there"
            fail(f"{said}; choose another --directory")
        undo.pop_all()
    say(f"wrote {folder / name}" for name in FILES)
    return public


def configuration(folder: Path, user: str, port: int) -> str:
    """The first configuration. What is not ours stands in quotes: YAML takes JSON's strings."""
    from app.config.settings import sqlite_in  # noqa: PLC0415

    said = {"user": user, "database": sqlite_in(folder), "artifacts": f"{folder}/artifacts"}
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in said.items()}
    return CONFIGURATION.format(port=port, **quoted)


def next_steps(folder: Path, public: str, hosts: list[str]) -> list[str]:
    """What to put where."""
    file = folder / "alertprof.yml"
    return [
        "",
        f"On {', '.join(map(plain, hosts))}, one line in ~/.ssh/authorized_keys of the account:",
        f"restrict {public}",
        "",
        "In Alertmanager's configuration:",
        RECEIVER,
        "",
        f"Start it: alertprof serve --config.file {quote(str(file))}",
        "A key that can do nothing but profile: alertprof gate",
        "",
    ]


def examined(file: Path, hosts: list[str]) -> None:
    """What `doctor` says of each host; the key may not be there yet, which is no fault of this command."""
    from app.cli.doctor import steps  # noqa: PLC0415
    from app.cli.options import DEFAULT_STORAGE  # noqa: PLC0415
    from app.cli.render import check  # noqa: PLC0415

    for host in hosts:
        say(check(step) for step in steps(host, file, DEFAULT_STORAGE, None))
        typer.echo(plain(f"Look again: alertprof doctor --config.file {quote(str(file))} {host}"))
