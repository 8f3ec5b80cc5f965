"""One text message over a WebSocket on a tunnel, for profilers. The library websockets has the protocol.

The message and the end of the connection leave together: whoever cuts the network cannot leave the server with the one
and without the other.
"""

from time import monotonic

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.protocol import State
from websockets.uri import parse_uri

from app.errors import Code, Retryable
from app.hosts.pipe import Pipe, one_line

CHUNK = 16 << 10


def send_and_close(line: Pipe, url: str, message: str, timeout: float) -> None:
    """Opens the WebSocket at `url`, sends the message, and closes. Whatever the server answers is not read.

    url: ws://HOST:PORT/PATH, valid as it is; timeout: seconds. Raises Retryable if the connection is lost or the server
    does not speak WebSocket.
    """
    end = monotonic() + timeout
    client = ClientProtocol(parse_uri(url), max_size=CHUNK)
    client.send_request(client.connect())
    line.send(b"".join(client.data_to_send()), timeout)
    while client.state is State.CONNECTING:
        _receive(client, line, end)
    client.send_text(message.encode())
    client.send_close(1000)
    line.send(b"".join(client.data_to_send()), max(end - monotonic(), 0.0))


def _receive(client: ClientProtocol, line: Pipe, end: float) -> None:
    data = line.recv(CHUNK, max(end - monotonic(), 0.0))
    if data:
        client.receive_data(data)
    else:
        client.receive_eof()
    fault = client.handshake_exc or client.parser_exc
    if isinstance(fault, InvalidHandshake | ProtocolError | EOFError):
        raise Retryable(Code.TIMEOUT, f"the server does not speak WebSocket ({one_line(fault)})") from fault
