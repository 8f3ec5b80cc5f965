"""What only starts a service is passed through to it, and a service that has a child is not."""

from dataclasses import replace

import pytest

from app.resolvers.container import Container
from app.resolvers.name import Name
from app.resolvers.pod import Pod
from app.resolvers.starters import names_child
from app.resolvers.systemd import Systemd
from tests.unit.resolvers.host import ID, Host, found, seen

UNIT = "/system.slice/orders.service"
DOPPLER, ORDERS = seen(20, "/usr/bin/doppler", UNIT), seen(21, "/srv/orders", UNIT, parent=20)
AS_UNIT = {"host": "h", "name": "orders.service"}


def test_a_starter_that_nobody_has_heard_of_is_passed_through_by_its_own_words() -> None:
    host = Host((DOPPLER, ORDERS), words={20: "doppler run -- ./orders -f etc.yaml", 21: "./orders -f etc.yaml"})
    assert found(Systemd(), host, **AS_UNIT) == [21]
    assert found(Name(), host, host="h", groupname="doppler") == [21]


def test_who_was_passed_through_is_told() -> None:
    answer = Systemd().find(AS_UNIT, Host((DOPPLER, ORDERS), go_zero=(21,)).reach)
    assert answer and "started by 20 (/usr/bin/doppler)" in answer.how


def test_in_a_container_and_a_pod_too() -> None:
    path = f"/kubepods/besteffort/pod0b1c2d3e-01/{ID}"
    inside = tuple(replace(each, groups=(path,), inner=each.id.pid - 19) for each in (DOPPLER, ORDERS))
    host = Host(inside, listening={80: (ORDERS,)})
    assert found(Container(), host, host="h", id=path) == [21]
    assert found(Pod(), host, node="h", pod="cart-0", uid="0b1c2d3e-01") == [21]


def test_a_supervisor_whose_words_do_not_say_it_is_passed_through_to_what_listens_or_is_go_zero() -> None:
    assert found(Systemd(), Host((DOPPLER, ORDERS), listening={80: (ORDERS,)}), **AS_UNIT) == [21]
    assert found(Systemd(), Host((DOPPLER, ORDERS), go_zero=(21,)), **AS_UNIT) == [21]
    assert found(Systemd(), Host((DOPPLER, ORDERS)), **AS_UNIT) == [20], "nothing shows that the child is the service"


def test_starters_of_starters_are_passed_through() -> None:
    chain = (DOPPLER, seen(22, "/bin/sh", UNIT, parent=20), replace(ORDERS, parent=22))
    assert found(Systemd(), Host(chain, words={20: "doppler run -- ./start", 22: "sh ./start"}), **AS_UNIT) == [21]
    assert found(Systemd(), Host(chain, words={20: "doppler run -- ./other", 22: "sh ./start"}), **AS_UNIT) == [20]


SERVICE, HELPER = seen(30, "/srv/orders", UNIT), seen(31, "/usr/bin/ffmpeg", UNIT, parent=30)
BOTH = (SERVICE, HELPER)


@pytest.mark.parametrize(
    "host",
    [
        Host(BOTH, listening={80: (SERVICE,)}, words={30: "orders ffmpeg -i x", 31: "ffmpeg -i x"}),
        Host(BOTH, go_zero=(30,), listening={9222: (HELPER,)}),
        Host(BOTH, go_zero=(30, 31)),
        Host(BOTH, words={30: "orders -c x.yaml", 31: "ffmpeg -c x.yaml"}),
        Host((SERVICE, replace(HELPER, exe="/srv/orders", comm="")), listening={80: (HELPER,)}),
        Host((*BOTH, seen(32, "/srv/mq", UNIT, parent=30)), listening={80: (HELPER,)}),
        Host((SERVICE, replace(HELPER, groups=("/user.slice",))), listening={80: (HELPER,)}),
    ],
    ids=["listens", "go-zero", "both go-zero", "same options", "same program", "two children", "another group"],
)
def test_a_service_with_a_child_stays_itself(host: Host) -> None:
    assert found(Systemd(), host, **AS_UNIT) == [30]


@pytest.mark.parametrize(
    ("words", "child", "is_"),
    [
        (["chamber", "exec", "prod", "--", "svc", "-v"], ["svc", "-v"], True),
        (["op", "run", "--", "./run.sh", "a"], ["sh", "./run.sh", "a"], True),
        (["doppler", "run", "--command", "./svc && true"], ["sh", "-c", "./svc && true"], True),
        (["doppler", "run", "--command=./svc -x"], ["sh", "-c", "./svc -x"], True),
        (["svc", "-v"], ["svc", "-v"], False),
        (["orders", "-c", "x"], ["helper", "-c", "x"], False),
        (["orders"], [""], False),
        ([""], ["svc"], False),
    ],
)
def test_a_starters_words_end_with_what_it_starts(words: list[str], child: list[str], is_: bool) -> None:
    assert names_child(words, child, of_shell=child[0] == "sh") is is_


def test_a_loop_of_parents_ends() -> None:
    host = Host((replace(DOPPLER, parent=21), ORDERS), words={20: "a b", 21: "b a b"})
    assert found(Name(), host, host="h", process="doppler") is not None
