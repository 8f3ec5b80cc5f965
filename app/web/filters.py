"""The filters of GET /captures and of the pages: a query becomes the ledger's Filter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.exceptions import HTTPException

from app.intake.matchers import Matcher, MatcherError, parse_matchers
from app.ledger.ledger import Filter, LedgerReader, Page
from app.model import State
from app.web import durations

Word = Annotated[str, StringConstraints(max_length=1024)]


class CaptureQuery(BaseModel):
    """The parameters of a query for captures. An unknown one is an error: an ignored filter shows wrong captures."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[
        str | None, Field(pattern="^[0-9A-Fa-f-]{1,36}$", description="its id, or how it begins", examples=["0199"])
    ] = None
    state: Annotated[State | None, Field(description="captures in this state")] = None
    host: Word | None = None
    service: Annotated[
        Word | None,
        Field(description="its service, as labels name it, or its executable; without a process, as labels name it"),
    ] = None
    alertname: Word | None = None
    fingerprint: Word | None = None
    profiler: Word | None = None
    rule: Word | None = None
    reason: Annotated[Word | None, Field(description="the code of its reason", examples=["cooldown"])] = None
    since: Annotated[Word | None, Field(description="created since: RFC 3339, or so long ago", examples=["24h"])] = None
    until: Annotated[Word | None, Field(description="created before: RFC 3339, or so long ago")] = None
    match: Annotated[
        list[Word], Field(description="Alertmanager matchers on the labels", examples=[['job=~"o.+"']])
    ] = []
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Word | None = None

    @model_validator(mode="before")
    @classmethod
    def without_empty(cls, words: Any) -> Any:
        """A form also sends its empty fields; they filter nothing."""
        if not isinstance(words, Mapping):
            return words
        return {name: word for name, word in words.items() if word not in ("", None, [""])}

    def filter(self, now: datetime) -> Filter:
        """The ledger's filter. now: what a duration counts back from. Raises HTTPException 422 that names the
        parameter."""
        return Filter(
            id=self.id.lower() if self.id else None,
            state=self.state,
            host=self.host,
            service=self.service,
            alertname=self.alertname,
            fingerprint=self.fingerprint,
            profiler=self.profiler,
            rule=self.rule,
            reason=self.reason,
            since=moment("since", self.since, now),
            until=moment("until", self.until, now),
            matchers=tuple(matcher for text in self.match for matcher in matchers(text)),
            limit=self.limit,
            cursor=self.cursor,
        )


def found(ledger: LedgerReader, query: CaptureQuery, now: datetime) -> Page:
    """The captures that the query asks for. Raises HTTPException 422 for a parameter that is wrong."""
    try:
        return ledger.find(query.filter(now))
    except ValueError as error:
        raise HTTPException(422, f"cursor: {error}.") from error


def moment(name: str, text: str | None, now: datetime) -> datetime | None:
    """A time: RFC 3339, or a duration back from `now`. Raises HTTPException 422 that names the parameter `name`."""
    if not text:
        return None
    try:
        return now - durations.parse(text) if text[0].isdigit() and text[-1] in "smhdwy" else absolute(text)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, f"{name}: {error}.") from error


def absolute(text: str) -> datetime:
    """A time in UTC; one without a zone is in UTC. Raises ValueError with a sentence."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 2026-11-23T22:40:00Z, or a duration back from now as 24h"
        ) from None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def matchers(text: str) -> tuple[Matcher, ...]:
    """Alertmanager's matchers in `text`. Raises HTTPException 422."""
    try:
        return parse_matchers(text)
    except MatcherError as error:
        raise HTTPException(422, f'match: {error}; write it as job="orders".') from error
