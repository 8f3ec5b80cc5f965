"""The filters of GET /captures and of the pages: from the query's words to the ledger's Filter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.exceptions import HTTPException

from app.intake.rules import Matcher, MatcherError, parse_matchers
from app.ledger.ledger import Filter, Ledger, Page
from app.model import State
from app.web import durations

Word = Annotated[str, StringConstraints(max_length=1024)]


class Asked(BaseModel):
    """What a query may hold. An unknown name is an error: a filter that is ignored shows the wrong captures."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[State | None, Field(description="captures in this state")] = None
    host: Word | None = None
    service: Word | None = None
    alertname: Word | None = None
    fingerprint: Word | None = None
    profiler: Word | None = None
    since: Annotated[Word | None, Field(description="created since: RFC 3339, or so long ago", examples=["24h"])] = None
    until: Annotated[Word | None, Field(description="created before: RFC 3339, or so long ago")] = None
    match: Annotated[
        list[Word], Field(description="Alertmanager matchers on the labels", examples=[['job=~"o.+"']])
    ] = []
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Word | None = None

    @model_validator(mode="before")
    @classmethod
    def said(cls, words: Any) -> Any:
        """A form sends its empty fields too; they ask for nothing."""
        empty = ("", None, [""])
        return (
            {name: word for name, word in words.items() if word not in empty} if isinstance(words, Mapping) else words
        )

    def filter(self, now: datetime) -> Filter:
        """Raises HTTPException 422 with the sentence that says which word is wrong."""
        return Filter(
            state=self.state,
            host=self.host,
            service=self.service,
            alertname=self.alertname,
            fingerprint=self.fingerprint,
            profiler=self.profiler,
            since=moment("since", self.since, now),
            until=moment("until", self.until, now),
            matchers=tuple(matcher for text in self.match for matcher in matchers(text)),
            limit=self.limit,
            cursor=self.cursor,
        )


def found(ledger: Ledger, asked: Asked, now: datetime) -> Page:
    """The page that is asked for. Raises HTTPException 422 for a cursor that is none."""
    try:
        return ledger.find(asked.filter(now))
    except ValueError as error:
        raise HTTPException(422, f"cursor: {error}.") from error


def moment(name: str, text: str | None, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        return now - durations.parse(text) if text[0].isdigit() and text[-1] in "smhdwy" else absolute(text)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, f"{name}: {error}.") from error


def absolute(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 2026-11-23T22:40:00Z, or a duration back from now as 24h"
        ) from None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def matchers(text: str) -> tuple[Matcher, ...]:
    try:
        return parse_matchers(text)
    except MatcherError as error:
        raise HTTPException(422, f"match: {error}.") from error
