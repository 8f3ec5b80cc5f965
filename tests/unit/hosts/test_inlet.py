import threading

import pytest
from paramiko import SSHException
from paramiko.buffered_pipe import PipeTimeout

from app.hosts.inlet import Inlet


def test_bytes_come_out_as_they_went_in_whatever_the_sizes() -> None:
    inlet = Inlet(1 << 20)
    sent = [bytes([n]) * (n * 37 % 50 + 1) for n in range(200)]
    for packet in sent:
        inlet.feed(packet)
    inlet.close()
    got: list[bytes] = []
    sizes = [1, 7, 64, 500]
    while data := inlet.read(sizes[len(got) % 4], 1):
        assert len(data) <= sizes[len(got) % 4]
        got.append(data)
    assert b"".join(got) == b"".join(sent)


def test_a_read_takes_several_packets_at_once() -> None:
    inlet = Inlet(1 << 20)
    for _ in range(4):
        inlet.feed(b"12345")
    assert inlet.read(16, 1) == b"123451234512345"


def test_a_host_that_sends_more_than_the_window_is_cut_off_and_one_that_waits_is_not() -> None:
    inlet = Inlet(100)
    for _ in range(50):
        inlet.feed(b"x" * 60)
        inlet.feed(b"x" * 40)
        assert len(inlet.read(30, 1) + inlet.read(70, 1)) == 100
    inlet.feed(b"x" * 100)
    with pytest.raises(SSHException):
        inlet.feed(b"x")


def test_empty_packets_are_no_end_and_take_no_memory() -> None:
    inlet = Inlet(100)
    for _ in range(1000):
        inlet.feed(b"")
    assert not inlet.read_ready()
    assert not inlet._packets


def test_an_empty_inlet_times_out() -> None:
    inlet = Inlet(1 << 20)
    assert not inlet.read_ready()
    with pytest.raises(PipeTimeout):
        inlet.read(10, 0.0)


@pytest.mark.parametrize(("act", "got"), [(lambda inlet: inlet.feed(b"x"), b"x"), (lambda inlet: inlet.close(), b"")])
def test_a_waiting_reader_is_woken(act: object, got: bytes) -> None:
    inlet = Inlet(1 << 20)
    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(inlet.read(10, 30)))
    reader.start()
    act(inlet)  # type: ignore[operator]
    reader.join(60)
    assert answers == [got]
