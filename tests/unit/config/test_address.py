"""Where the service listens, on real sockets."""

import socket
from collections.abc import Iterator

import pytest

from app.config.address import Address, listening


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_it_listens_where_it_is_told(host: str, family: int) -> None:
    (listener,) = listening(Address(host, 0))
    with listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        assert listener.family == family


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_that_is_taken_is_a_sentence_with_the_remedy(taken: int, host: str) -> None:
    with pytest.raises(OSError, match=rf"{host}:{taken}: Address already in use; stop the program that has this port"):
        listening(Address(host, taken))


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_a_sentence_with_the_remedy(host: str) -> None:
    with pytest.raises(OSError, match=r"--web\.listen-address .*9911: .+; give an address of this machine"):
        listening(Address(host, 9911))


def test_an_address_of_a_name_that_this_machine_has_not_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [("2001:db8::7", 0, 0, 0), ("127.0.0.1", 0)]
    found = [(family, 0, 0, "", at) for family, at in zip((socket.AF_INET6, socket.AF_INET), places, strict=True)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    (listener,) = listening(Address("both.example.com", 0))
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_an_address_is_written_as_it_is_read() -> None:
    assert [str(Address.read(text)) for text in ("127.0.0.1:9911", "[::1]:80")] == ["127.0.0.1:9911", "[::1]:80"]
