"""Reading: what is a profile, and the sentence for everything that is none."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from app.analysis.profile import BadProfile, read
from tests.unit.analysis.synthetic import Maker, cpu


def made() -> Maker:
    return cpu([(["leaf", "main"], 10), (["main"], 5)])


def sentence(data: bytes, **limits: int) -> str:
    with pytest.raises(BadProfile) as bad:
        read(data, **limits)
    return str(bad.value)


def test_a_gzipped_profile_is_read() -> None:
    profile = read(made().data())
    assert [(t.type, t.unit) for t in profile.sample_types] == [("samples", "count"), ("cpu", "nanoseconds")]
    assert [value for value, _ in profile.stacks(1)] == [10, 5]


def test_a_profile_without_gzip_is_read_as_pprof_does() -> None:
    assert len(read(made().plain()).locations) == 2


def test_a_profile_in_several_gzip_members_is_read() -> None:
    plain = made().plain()
    data = b"".join(gzip.compress(part) for part in (plain[:20], b"", plain[20:]))
    assert [value for value, _ in read(data).stacks(1)] == [10, 5]


def test_a_name_that_is_no_utf8_does_not_lose_the_profile() -> None:
    spoiled = made()
    spoiled.message.string_table[spoiled.string("leaf")] = b"le\xffaf"
    assert read(spoiled.data()).locations[1].functions[0].name == "le\ufffdaf"


@pytest.mark.parametrize("cut", [1, 8, 9, 30])
def test_a_gzip_stream_without_its_end_is_none(cut: int) -> None:
    assert sentence(made().data()[:-cut]) == "ends in the middle of the gzip stream"


def test_a_cut_second_member_is_noticed() -> None:
    assert sentence(made().data() + gzip.compress(b"")[:5]) == "ends in the middle of the gzip stream"


def test_a_wrong_checksum_is_noticed() -> None:
    data = bytearray(made().data())
    data[-6] ^= 1
    assert sentence(bytes(data)).startswith("not a sound gzip stream: ")


def test_bytes_behind_the_gzip_stream_are_noticed() -> None:
    assert sentence(made().data() + b"more") == "bytes that are no gzip follow the end of the gzip stream"


def test_nothing_is_no_profile() -> None:
    assert sentence(b"") == "empty: 0 bytes"
    assert sentence(gzip.compress(b"")) == "empty: 0 bytes once decompressed"


@pytest.mark.parametrize(
    "data", [b"goroutine 1 [running]:\nmain.main()\n", b"<html>", gzip.compress(b"<html>", mtime=0)]
)
def test_text_is_no_profile(data: bytes) -> None:
    assert sentence(data).startswith("not a pprof profile: ")


def test_a_profile_just_within_the_limit_is_read_and_one_byte_more_is_not() -> None:
    plain = made().plain()
    for data in (plain, gzip.compress(plain), gzip.compress(plain[:9]) + gzip.compress(plain[9:])):
        read(data, limit=max(len(plain), len(data)))
    assert sentence(plain, limit=len(plain) - 1) == f"more than {len(plain) - 1} bytes, which is the limit"


def test_no_more_than_the_limit_is_ever_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    produced: list[int] = []

    class Counting:
        def __init__(self, **options: int) -> None:
            self._real = real(**options)

        def decompress(self, data: bytes, room: int) -> bytes:
            out: bytes = self._real.decompress(data, room)
            produced.append(len(out))
            return out

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    real: Callable[..., Any] = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    bomb = gzip.compress(bytes(20_000_000))
    assert sentence(bomb + bomb, limit=1 << 20) == f"more than {1 << 20} bytes decompressed, which is the limit"
    assert sum(produced) == (1 << 20) + 1


def spoil_string(made: Any) -> None:
    made.function[0].name = 99


def spoil_negative_string(made: Any) -> None:
    made.drop_frames = -1


def spoil_table(made: Any) -> None:
    made.string_table[0] = b"not empty"


def spoil_arity(made: Any) -> None:
    made.sample[1].value.append(3)


def spoil_types(made: Any) -> None:
    del made.sample_type[:]


def spoil_sample(made: Any) -> None:
    made.sample[0].location_id.append(77)


def spoil_line(made: Any) -> None:
    made.location[0].line[0].function_id = 78


def spoil_twice(made: Any) -> None:
    made.function[1].id = 1


def spoil_zero(made: Any) -> None:
    made.location[0].id = 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_string, "string 99 of a table of 8"),
        (spoil_negative_string, "string -1 of a table of 8"),
        (spoil_table, "does not begin with the empty string"),
        (spoil_arity, "a sample has 3 values for 2 sample types"),
        (spoil_types, "a sample has 2 values for 0 sample types"),
        (spoil_sample, "a sample names a location that is not there"),
        (spoil_line, "location 1 is in function 78, which is not there"),
        (spoil_twice, "more than one function with the id 1"),
        (spoil_zero, "a location with the id 0"),
    ],
)
def test_a_reference_that_leads_nowhere_is_said(spoil: Callable[[Any], None], words: str) -> None:
    spoiled = made()
    spoil(spoiled.message)
    assert words in sentence(spoiled.data())
