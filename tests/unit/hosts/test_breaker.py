"""How often a server that turns us away is asked again."""

import threading

import pytest

from app.errors import Code, Refused, Retryable
from app.hosts import breaker
from app.hosts.breaker import Breaker, Breakers, Paused, TurnedAway
from app.hosts.known_hosts import Known
from app.hosts.route import Route
from app.hosts.settings import SshOptions


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(breaker, "monotonic", made)
    return made


def turned_away(server: Breaker) -> None:
    with pytest.raises(TurnedAway) as caught, server.login("h", "key", 1):
        raise TurnedAway(Code.HOST_UNREACHABLE, "not now")
    assert not isinstance(caught.value, Paused), "it was asked"


def refused(server: Breaker, keys: str) -> str:
    with pytest.raises(Refused) as caught, server.login("h", keys, 1):
        raise Refused(Code.AUTH_FAILED, f"{keys} was refused")
    return caught.value.reason.message


def test_pauses_grow_from_20_seconds_to_ten_minutes_and_a_login_ends_them(clock: Clock) -> None:
    server = Breaker()
    for pause in (20, 40, 80, 160, 320, 600, 600):
        turned_away(server)
        clock.now += pause - 1
        with pytest.raises(Paused, match=f"Not allowed at this time.* for {pause} s"), server.login("h", "key", 1):
            pytest.fail("it was asked during the pause")
        clock.now += 2
    with server.login("h", "key", 1):
        pass
    turned_away(server)
    clock.now += 21
    with server.login("h", "key", 1):
        pass


def test_keys_that_were_refused_are_not_offered_again_at_once_and_others_are(clock: Clock) -> None:
    server = Breaker()
    assert refused(server, "old") == "old was refused"
    with pytest.raises(Refused, match=r"old was refused .* for 20 s"), server.login("h", "old", 1):
        pytest.fail("the same key was offered again")
    with server.login("h", "new", 1):
        pass
    clock.now += 21
    with server.login("h", "old", 1):
        pass


def test_one_login_at_a_time_after_it_turned_us_away(clock: Clock) -> None:
    server, inside, go_on = Breaker(), threading.Barrier(3), threading.Event()

    def log_in() -> None:
        with server.login("h", "key", 1):
            inside.wait(60)
            go_on.wait(60)

    several = [threading.Thread(target=log_in) for _ in range(2)]
    for each in several:
        each.start()
    inside.wait(60)  # both are in
    go_on.set()
    for each in several:
        each.join()
    turned_away(server)
    clock.now += 21
    second = server.login("h", "key", 0.05)
    with server.login("h", "key", 1), pytest.raises(Retryable, match="no place became free"), second:
        pytest.fail("two at once")


def way(address: str, jump: Route | None = None) -> Route:
    return Route(address, address, 22, "ops", SshOptions(), (), Known(address, (), (), (), ()), jump)


def test_one_address_behind_two_jump_hosts_is_two_servers() -> None:
    servers = Breakers()
    first, second = (servers.of(way("10.0.0.5", way(jump))) for jump in ("jump-a", "jump-b"))
    assert first is not second
    assert first is servers.of(way("10.0.0.5", way("jump-a")))
    assert refused(first, "key") == "key was refused"
    with second.login("h", "key", 1):
        pass
