"""Samples as any writer may spell them: numbers packed or not, ids counted or not, fields that we do not know."""

import pytest

from app.analysis.counted import all_up_to
from app.analysis.profile import BadProfile, read
from app.analysis.top import top
from tests.unit.analysis.synthetic import Maker, cpu

BROKEN = "not a pprof profile: no protobuf message of that kind"


def of_many(locations: int) -> Maker:
    return cpu([([f"f{number}"], 1) for number in range(locations)])


def total(data: bytes) -> int:
    return top(read(data), 1).total


def sentence(data: bytes) -> str:
    with pytest.raises(BadProfile) as bad:
        read(data)
    return str(bad.value)


@pytest.mark.parametrize("locations", [1, 5, 127, 128, 129, 255, 256, 300, 16384])
def test_the_last_location_is_there_and_the_next_one_and_number_0_are_not(locations: int) -> None:
    made = of_many(locations)
    assert total(made.data()) == locations
    for id in (locations + 1, locations + 128, 0, 1 << 40):
        made.message.sample[0].location_id[0] = id
        assert sentence(made.data()) == "a broken profile: a sample names a location that is not there"


def test_numbers_that_go_too_far_are_found_wherever_they_stand() -> None:
    ids = [*range(1, 400), *range(16000, 16600)]
    for most in (1, 2, 126, 127, 128, 129, 255, 256, 383, 384, 16127, 16128, 16255, 16256, 16383, 16384, 16390):
        for id in ids:
            assert all_up_to(most, [b"\1", packed(1) + packed(id) + packed(1), b""]) is (id <= most), (most, id)
        for wrong in (packed(most) + b"\0", b"\x80\0", b"\x81", b"\x80\x80\x80\1"):
            assert not all_up_to(most, [packed(most), wrong, packed(most)]), (most, wrong)


def packed(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + packed(number >> 7)


def test_ids_need_not_be_counted() -> None:
    made = of_many(2)
    made.message.location[1].id = made.message.sample[1].location_id[0] = (1 << 64) - 1
    assert [row.function for row in top(read(made.data()), 9).rows] == ["f0", "f1"]


def sample(body: bytes) -> bytes:
    """A profile with one more sample, of these bytes. Its locations have the ids 1 and 2."""
    return of_many(2).plain() + b"\x12" + bytes([len(body)]) + body


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x02\x01\x02\x12\x02\x01\x07",
        b"\x12\x02\x01\x07\x0a\x02\x01\x02",
        b"\x08\x01\x08\x02\x10\x01\x10\x07",
        b"\x0a\x01\x01\x12\x01\x01\x08\x02\x10\x07",  # begun as usual
        b"\x08\x81\x00\x0a\x01\x02\x10\x01\x12\x01\x07",  # mixed, and a number longer than it need be
        b"\xa2\x06\x01x\x0a\x01\x01\x12\x02\x01\x07\xad\x06....",  # with fields of later versions
    ],
)
def test_a_sample_is_read_however_it_is_written(body: bytes) -> None:
    assert total(sample(body)) == 2 + 7


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x02\x01\x82\x12\x02\x01\x07",  # an id without its end
        b"\x0a\x01\x01\x12\x02\x01\x87",  # a value without its end
        b"\x0a\x01\x01\x12\x0b\x01" + b"\x80" * 9 + b"\x81",
        b"\x0a\x01\x01\x12\x03\x01\x07",  # longer than the sample
        b"\x0a\x01\x01\x12\x02\x01\x07\x1a\x01\x08",  # a label that is cut
        b"\x0a\x01\x01\x12\x02\x01\x07\x18\x01",  # a label that is a number
        b"\x0a\x01\x01\x12\x02\x01\x07\x0b",  # the beginning of a group
    ],
)
def test_a_sample_that_is_no_message_is_no_profile(body: bytes) -> None:
    assert sentence(sample(body)) == BROKEN


def test_what_follows_in_an_odd_sample_is_still_read_in_a_usual_one() -> None:
    fields = b"\x0a\x02\x08\x01\x12\x02\x01\x07"
    odd = b"\x1a\x02\x08\x01\x22\x02\x01\x07" + fields  # a label and an unknown field, of the same bytes
    usual = b"\x0a\x01\x01\x12\x02\x01\x07" + fields
    first = of_many(8).plain() + b"\x12" + bytes([len(odd)]) + odd
    assert total(first) == 8 + 7
    assert sentence(first + b"\x12" + bytes([len(usual)]) + usual).endswith("has 4 values for 2 sample types")


def test_a_negative_value_has_ten_bytes() -> None:
    assert top(read(cpu([(["f"], -3)]).data()), 1).rows[0].flat == -3
