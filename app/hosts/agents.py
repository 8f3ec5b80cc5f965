"""The keys that an ssh-agent holds. Used by identities.py, which offers them after the files."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

TIMEOUT = 10.0  # seconds for each answer; an agent may ask its owner before it signs


class Silent(Exception):
    """The agent does not answer. The text is a sentence."""


class _Agent(AgentSSH):
    """paramiko's own Agent knows only SSH_AUTH_SOCK, and waits without a timeout."""

    def __init__(self, where: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(TIMEOUT)
            connection.connect(where)
            self._connect(connection)  # type: ignore[attr-defined]
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


@contextmanager
def keys(where: str | None) -> Iterator[tuple[AgentKey, ...]]:
    """The agent's keys, which sign only within the block.

    where: the agent's socket; "" for no agent, None for the one in SSH_AUTH_SOCK. If SSH_AUTH_SOCK names an agent that
    is gone there are no keys, as with ssh. Raises Silent.
    """
    socket_file = os.environ.get("SSH_AUTH_SOCK", "") if where is None else where
    if not socket_file or (where is None and not Path(socket_file).exists()):
        yield ()
        return
    try:
        agent = _Agent(socket_file)
    except (paramiko.SSHException, OSError) as fault:
        why = (isinstance(fault, OSError) and fault.strerror) or fault
        raise Silent(f"the agent {socket_file} does not answer ({why})") from fault
    with closing(agent):
        yield agent.get_keys()


def with_certificate(key: AgentKey, certificate: PublicBlob) -> AgentKey:
    """The agent's key with a certificate. copy.copy() of an AgentKey does not terminate."""
    made = AgentKey(key.agent, key.blob, key.comment)
    made.public_blob = certificate  # type: ignore[assignment]
    return made
