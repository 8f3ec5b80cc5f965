"""The index of labels and services' names says what reading every row would say."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.intake.matchers import OPERATORS, Matcher
from app.intake.rules import Rule
from app.ledger import lookup
from app.ledger.ledger import Filter, Ledger
from app.ledger.schema import label_pairs, service_names
from app.model import State, Step, Target, Trigger
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, firing, manual

NAMES = st.sampled_from(["job", "pod", "é.ü", "a\0", "a\ufffd", "n" * 200, "n" * 201, "service", "[", "\ud800"])
VALUES = (
    "",
    "a",
    "b",
    "ab",
    "ß",
    "a\0b",
    "a\ufffdb",
    "\U0010ffff",
    "v" * 199,
    "v" * 200,
    "v" * 201,
    "\ud800",
    '["job"]',
)
PATTERNS = ("", "a|b", "a.*", ".+", ".*", "v{200}", "v{201}", "a\0b", "[^a]*", "(?i)AB", "nothing")
SETS = st.lists(st.dictionaries(NAMES, st.sampled_from(VALUES), max_size=4), max_size=8)
MANY = {f"label_{n}": "x" for n in range(250)}
NO_RULE = (Rule("another", matchers=(Matcher("job", "=", "another"),)),)  # rows of these alerts have ended


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    op = draw(st.sampled_from(OPERATORS))
    return Matcher(draw(NAMES), op, draw(st.sampled_from(PATTERNS if "~" in op else VALUES)))


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    made = Ledger(url, decide=admission(), clock=lambda: NOON)
    made.migrate()
    yield made
    made.close()


def entries(ledger: Ledger) -> list[tuple[str, ...]]:
    with ledger._database.reading() as connection:
        found = [connection.execute(sa.select(table)).all() for table in (label_pairs, service_names)]
    return sorted(tuple(row) for rows in found for row in rows)


@given(sets=SETS, asked=st.lists(matchers(), min_size=1, max_size=3), few=st.booleans(), bounded=st.booleans())
@example(sets=[{"pod": "v" * 201}], asked=[Matcher("pod", "=~", "v{201}")], few=False, bounded=False)
@example(sets=[{"pod": "v" * 300}], asked=[Matcher("pod", "=~", "v" * 210 + ".*")], few=False, bounded=False)
@example(sets=[{"": "x", "job": "a"}], asked=[Matcher("pod", "=", "")], few=False, bounded=False)
@example(sets=[{"pod": "a\0b"}], asked=[Matcher("pod", "=~", "a\0b")], few=False, bounded=False)
@example(sets=[MANY], asked=[Matcher("pod", "=", "")], few=False, bounded=False)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_matchers_find_by_the_index_what_they_match(
    ledger: Ledger, sets: list[dict[str, str]], asked: list[Matcher], *, few: bool, bounded: bool
) -> None:
    """few: as if there were more captures and values than may be sorted. Deleting rows leaves nothing of them."""
    ledger.decide = admission(NO_RULE)
    ledger.receive([replace(firing(str(n)), labels=labels) for n, labels in enumerate(sets)]).result(60)
    rows = ledger.find(Filter()).captures
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SPARSE", "MOST_VALUES", "MOST_OTHERS", "_PROBED") if few else ():
            patch.setattr(lookup, name, 1)
        wanted = Filter(matchers=tuple(asked), state=State.SKIPPED if bounded else None)
        found = ledger.find(wanted).captures
    for row in rows:
        ledger.delete(row.id)
    assert found == tuple(row for row in rows if all(each.matches(row.trigger.labels) for each in asked))
    assert len(rows) == len(sets)
    assert entries(ledger) == []


def test_a_row_without_a_process_is_found_by_the_service_that_its_labels_name(ledger: Ledger) -> None:
    ledger.receive([firing("a1", job="offers"), firing("a2", job="node", service_name="offers")]).result(60)
    assert [one.target for one in ledger.find(Filter(service="offers")).captures] == [None, None]
    assert ledger.find(Filter(service="node")).captures == ()


def test_a_process_is_found_by_the_name_in_its_labels_and_by_that_of_its_executable(ledger: Ledger) -> None:
    """Not by the job of the exporter, once it is known which service it told of."""
    ledger.receive([firing("a1", job="process-exporter")]).result(60)
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim is not None
    for service in ("first", "offers"):
        target = Target("h", 7, service=service, exe="/srv/offers-api")
        ledger.save(claim, replace(claim.capture, target=target).to(Step.START, due=NOON))
    found = {
        name: len(ledger.find(Filter(service=name, state=State.PENDING)).captures)
        for name in ("offers", "offers-api", "first", "process-exporter")
    }
    assert found == {"offers": 1, "offers-api": 1, "first": 0, "process-exporter": 0}
    assert ledger.counts_by_time(Filter(service="offers-api"), NOON, LEASE, 1) == {(0, State.PENDING): 1}


def test_a_ledger_without_an_index_gets_the_same_one(ledger: Ledger) -> None:
    odd = {"a\0": "\ud800", "n" * 201: "v" * 201, "job": "offers", **MANY}
    ledger.create(manual(101, trigger=Trigger("alert", odd)))
    ledger.create(manual(102, trigger=Trigger("alert", {}), target=Target("h", exe="/srv/orders")))
    ledger.receive([firing("a1", job="node", service="shop")]).result(60)
    before = entries(ledger)
    with ledger._database.writing() as connection:
        for statement in (
            "DROP TABLE label_pairs",
            "DROP TABLE service_names",
            "DROP TABLE outcomes",
            "DROP TABLE replicas",
            "DROP TABLE affinities",
            "DROP INDEX captures_lease",
            "DROP INDEX captures_due",
            "ALTER TABLE captures DROP COLUMN lane",
            "CREATE INDEX captures_due ON captures (turn, due_at)",
            "UPDATE alembic_version SET version_num = '0008'",
        ):
            connection.execute(sa.text(statement))
    ledger.migrate()
    assert len(before) > 250
    assert entries(ledger) == before


def test_of_two_large_listings_the_smaller_one_is_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of the one that is read is sought in the other, so a page would take as long as the larger one."""
    monkeypatch.setattr(lookup, "SPARSE", 1)
    sets = [{"job": "orders"}] * 5 + [{"team": "shop"}] * 3
    ledger.receive([replace(firing(str(n)), labels=labels) for n, labels in enumerate(sets)]).result(60)
    asked = [Matcher("job", "=", "orders"), Matcher("team", "=", "shop")]
    with ledger._database.reading() as connection:
        larger, smaller = (lookup.of_matcher(connection, each) for each in asked)
        assert larger and smaller
        assert lookup.leader(connection, [larger, smaller], alone=True) is smaller
    assert ledger.find(Filter(matchers=tuple(asked))).captures == ()
