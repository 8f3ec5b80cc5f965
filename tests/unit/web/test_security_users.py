"""bcrypt: slow, beside the event loop, and once for what was accepted."""

import asyncio
import threading
from collections.abc import Callable

import bcrypt
import pytest

from app.web.auth import users as module
from app.web.auth.users import REMEMBERED, WAITING, TooManyLogins, Users, matches


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


PEOPLE = {"alice": hashed("one"), "bob": hashed("two")}


def know(users: Users, name: str, password: str) -> bool:
    return asyncio.run(users.verify(name, password))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The thread of each computation."""
    seen: list[str] = []

    def watched(password: str, hash: str) -> bool:
        seen.append(threading.current_thread().name)
        return matches(password, hash)

    monkeypatch.setattr(module, "matches", watched)
    return seen


def test_what_was_accepted_is_computed_once_and_what_was_refused_every_time(computed: list[str]) -> None:
    users = Users(lambda: PEOPLE)

    assert [know(users, "alice", "one") for _ in range(3)] == [True] * 3
    assert len(computed) == 1
    assert [know(users, "alice", "two") for _ in range(3)] == [False] * 3
    assert len(computed) == 4


def test_a_name_that_nobody_has_is_computed_as_well(computed: list[str]) -> None:
    users = Users(lambda: PEOPLE)

    assert not know(users, "carol", "one")
    assert not know(users, "carol", "one"), "the password is alice's, whose hash was compared"
    assert len(computed) == 2


def test_it_is_computed_beside_the_event_loop(computed: list[str]) -> None:
    assert know(Users(lambda: PEOPLE), "alice", "one")
    assert computed[0].startswith("bcrypt")


def test_a_changed_or_removed_hash_counts_at_once() -> None:
    people = dict(PEOPLE)
    users = Users(lambda: people)
    assert know(users, "alice", "one")

    people["alice"] = hashed("three")
    assert not know(users, "alice", "one")
    assert know(users, "alice", "three")
    del people["alice"]
    assert not know(users, "alice", "three")
    people.clear()
    assert not know(users, "bob", "two")


def test_two_credentials_that_read_alike_are_not_taken_for_each_other() -> None:
    people = {"a": hashed("b"), "ab": hashed("other")}
    users = Users(lambda: people)
    assert know(users, "a", "b")

    people["ab"] = people["a"]
    assert not know(users, "ab", "")


def test_more_than_a_few_are_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(module, "matches", lambda *_: go.wait(60))

    async def many() -> list[object]:
        users = Users(lambda: PEOPLE)
        asked = [asyncio.ensure_future(users.verify("alice", str(number))) for number in range(WAITING + 5)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(many())
    assert sum(isinstance(answer, TooManyLogins) for answer in answers) == 5


def test_no_more_than_a_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "matches", lambda *_: True)
    users = Users(lambda: PEOPLE)

    for number in range(REMEMBERED + 20):
        know(users, "alice", str(number))
    assert len(users._accepted) == REMEMBERED


@pytest.mark.parametrize("password", ["x" * 5000, "a\0b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_any_password_is_answered(password: str) -> None:
    assert not know(Users(lambda: PEOPLE), "alice", password)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_every_spelling_of_bcrypt_is_read(prefix: str) -> None:
    assert matches("one", prefix + PEOPLE["alice"][4:])
    assert not matches("two", prefix + PEOPLE["alice"][4:])


def test_the_hash_that_htpasswd_writes_is_read() -> None:
    """The one in prometheus/exporter-toolkit's web/handler.go."""
    assert matches("fakepassword", "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi")


def test_reading_faults_go_through() -> None:
    def broken() -> dict[str, str]:
        raise KeyError("gone")

    read: Callable[[], dict[str, str]] = broken
    with pytest.raises(KeyError):
        know(Users(read), "alice", "one")
