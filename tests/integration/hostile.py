"""A host that has been taken over: an SSH server that lets everybody in and then answers as it likes."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED, cMSG_CHANNEL_DATA, cMSG_CHANNEL_EXTENDED_DATA

from app.errors import Retryable
from app.hosts.settings import HostsSettings, SshOptions
from tests.lab.sshd import make_key

ENDS = (OSError, EOFError, paramiko.SSHException)
PIECE = bytes(32768).replace(b"\0", b"x")


class Session:
    """One command on the hostile host. `sent`: what it could get rid of, in bytes."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self.channel, self.sent = channel, 0

    def say(self, data: bytes) -> None:
        while data:
            went = self.channel.send(data)
            if not went:
                raise EOFError
            self.sent, data = self.sent + went, data[went:]

    def force(self, data: bytes, *, stderr: bool = False) -> None:
        """Sends without looking at the window."""
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_EXTENDED_DATA if stderr else cMSG_CHANNEL_DATA)
        message.add_int(self.channel.remote_chanid)
        if stderr:
            message.add_int(1)
        message.add_string(data)
        transport = self.channel.get_transport()
        transport._send_user_message(message)  # type: ignore[attr-defined]
        if not transport.is_active():
            raise EOFError
        self.sent += len(data)

    def question(self) -> bytes:
        """The number of the next request, once the script has come."""
        line = b""
        while True:
            data = self.channel.recv(1)
            if not data:
                raise EOFError
            line = b"" if data == b"\n" else line + data
            words = line.split(b" ")
            if data == b" " and words[0].isdigit() and len(words) == 2:
                return words[0]

    def ready(self) -> None:
        self.say(b"ready 1 4d9c6c86-0d0c-4b0e-9f0e-1a2b3c4d5e6f dash\n")


Behaviour = Callable[[Session], None]


class Interface(paramiko.ServerInterface):
    def __init__(self, behave: Behaviour, sessions: list[Session]) -> None:
        self.behave, self.sessions = behave, sessions

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        session = Session(channel)
        self.sessions.append(session)
        threading.Thread(target=self._run, args=(session,), daemon=True).start()
        return True

    def _run(self, session: Session) -> None:
        with suppress(*ENDS):
            self.behave(session)


class HostileHost:
    """Listens on loopback. `behave` is called with every command's session; `raw` instead with the bare socket."""

    def __init__(
        self, folder: Path, behave: Behaviour | None = None, *, raw: Callable[[socket.socket], None] | None = None
    ) -> None:
        self.behave, self.raw, self.sessions = behave, raw, list[Session]()
        self.key = make_key(folder / "host_key")
        self.client_key = make_key(folder / "client_key")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.peers: list[socket.socket] = []
        words = self.key.with_suffix(".pub").read_text().split()[:2]
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(words)}\n")
        (folder / "ssh_config").touch()
        self.settings = HostsSettings(
            ssh=SshOptions(
                user="x",
                port=self.port,
                identity_files=(self.client_key,),
                known_hosts_files=(self.known_hosts,),
            ),
            ssh_config_file=folder / "ssh_config",
        )
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self._greet, args=(peer,), daemon=True).start()

    def _greet(self, peer: socket.socket) -> None:
        with suppress(*ENDS, Retryable):
            if self.raw:
                self.raw(peer)
                return
            assert self.behave
            transport = paramiko.Transport(peer)
            transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(self.key)))
            transport.start_server(server=Interface(self.behave, self.sessions))

    @property
    def sent(self) -> int:
        return sum(session.sent for session in self.sessions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # wakes the thread that accepts
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
