"""The gate's lines are read or left out; nothing that a host says breaks the reader."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gate.facts import Named, Pod, address_in, kilobytes, listening_at, named_in, pod_in, ports_in, seen_in

ID = "0123456789abcdef" * 4
KEYS = st.sampled_from(["process", "exe", "rss", "inner", "called", "group", "at", "port", "pod", "says", "hidden", ""])
WORDS = st.text(st.sampled_from(string.hexdigits + ' :./"{}[],-_٣²\n\x00é') | st.characters(), max_size=80)
LINE = "7 100 1:1 1 25 orders"


@given(st.lists(st.tuples(KEYS, WORDS)))
def test_any_lines_give_processes_and_ports_or_nothing(lines: list[tuple[str, str]]) -> None:
    assert all(each.id.pid < 10**7 for each in seen_in("boot", lines))
    assert all(0 <= port <= 65535 for _, port in ports_in(lines).listening)


@given(st.lists(WORDS | st.builds("{} {}".format, st.just(ID), WORDS)))
def test_any_text_gives_containers_pods_addresses_or_nothing(lines: list[str]) -> None:
    assert all(each.name for each in named_in(lines))
    for line in lines:
        pod_in(line), address_in(line), listening_at(line), kilobytes(line)


@given(st.from_regex(r"[0-9]{1,9} [0-9]{1,22} [0-9:]{1,44} [0-9]{1,9} [0-9]{1,22} .*", fullmatch=True))
def test_a_line_that_is_nearly_a_process_is_one_or_nothing(line: str) -> None:
    assert len(seen_in("boot", [("process", line)])) <= 1


def test_what_is_told_of_a_process_is_gathered() -> None:
    lines = [
        ("process", LINE), ("exe", "7 /srv/orders (deleted)"), ("rss", "7 2048"), ("inner", "7 1"),
        ("called", "7 ./orders"), ("called", "7 forged"),
        ("group", "7 /system.slice/orders.service"), ("group", "7 /other"), ("at", "7 10.0.0.7 " + "0" * 31 + "1 x"),
    ]  # fmt: skip
    (seen,) = seen_in("boot", lines)
    assert (seen.id.pid, seen.id.start, seen.parent, seen.ticks, seen.comm) == (7, 100, 1, 25, "orders")
    assert (seen.exe, seen.rss, seen.inner, seen.argv0) == ("/srv/orders", 2 << 20, 1, "./orders")
    assert seen.groups == ("/system.slice/orders.service", "/other")
    assert seen.addresses == ("10.0.0.7", "::1")


def test_what_is_told_of_nobody_is_left_out() -> None:
    assert seen_in("boot", [("exe", "7 /srv/orders"), ("rss", "7 1"), ("group", "7 /x")]) == ()


@pytest.mark.parametrize("forged", [1, 2, 3])
def test_a_process_about_which_several_executables_are_said_has_none(forged: int) -> None:
    lies = [("exe", "7 /usr/bin/trusted")] * forged
    (seen,) = seen_in("boot", [("process", LINE), ("exe", "7 /srv/orders"), *lies])
    assert seen.exe == ""
    (seen,) = seen_in("boot", [("process", LINE), *lies, ("exe", "7 /srv/orders")])
    assert seen.exe == ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0100007F:1F90", ("127.0.0.1", 8080)),
        ("00000000:0050", ("0.0.0.0", 80)),
        ("00000000000000000000000001000000:1F90", ("::1", 8080)),
        ("B80D0120000000000000000001000000:0050", ("2001:db8::1", 80)),
    ],
)
def test_a_listening_place_is_read_as_the_kernel_writes_it(text: str, place: tuple[str, int]) -> None:
    assert listening_at(text) == place


@pytest.mark.parametrize("text", ["", "0100007F", "0100007F:1F9", "0100007f:1F90", "0100007F0100007F:1F90", "x:1F90"])
def test_what_is_no_place_is_none(text: str) -> None:
    assert listening_at(text) is None


def test_a_process_in_another_network_has_that_ones_addresses() -> None:
    told = ports_in([("port", "00000000:0050"), ("port", "00000000:0050"), ("at", "7 10.0.0.7"), ("at", "7 6.6.6.6")])
    assert (told.listening, told.addresses, told.elsewhere) == ((("0.0.0.0", 80),), ("10.0.0.7",), True)
    assert not ports_in([("port", "00000000:0050")]).elsewhere


def test_a_kubelets_link_tells_a_pods_container() -> None:
    said = f"cart-0_shop_app-{ID} shop_cart-0_0b1c-2d"
    assert pod_in(said) == Pod("shop", "cart-0", "0b1c-2d", "app", ID)


@pytest.mark.parametrize(
    "said",
    [
        f"cart-0_shop_app-{ID[1:]} shop_cart-0_0b1c",
        f"cart-0_shop_app-{ID} shop_cart-1_0b1c",
        f"cart-0_shop_app-{ID} other_cart-0_0b1c",
        f"cart-0_shop_app-{ID}",
        f"../x_shop_app-{ID} shop_cart-0_0b1c",
    ],
)
def test_a_link_that_does_not_agree_with_its_place_tells_nothing(said: str) -> None:
    assert pod_in(said) is None


def says(**facts: object) -> list[str]:
    return [f"{ID} {json.dumps(key)}:{json.dumps(value)}" for key, value in facts.items()]


def test_a_containers_name_image_and_labels_are_docker_s() -> None:
    lines = [*says(Image="sha256:00"), *says(Image="nginx:1.27"), *says(Name="/web"), *says(Labels={"a": "b", "n": 1})]
    assert named_in(lines) == (Named(ID, "web", "nginx:1.27", {"a": "b"}),)


def test_the_name_of_a_volume_is_not_the_containers() -> None:
    assert named_in([*says(Name="a-volume"), *says(Name="/web")]) == (Named(ID, "web", "", {}),)


def test_a_container_about_which_two_names_are_said_is_left_out() -> None:
    assert named_in([*says(Name="/web"), *says(Name="/db")]) == ()


@pytest.mark.parametrize("line", [f'{ID} "Name"', f'{ID[1:]} "Name":"/web"', '"Name":"/web"', f"{ID} 7", ""])
def test_what_is_no_fact_of_a_container_is_left_out(line: str) -> None:
    assert named_in([line]) == ()
