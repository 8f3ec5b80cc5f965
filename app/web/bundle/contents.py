"""What a bundle contains: texts that are made for it, and every artifact."""

import json
from collections.abc import Iterator

from starlette.exceptions import HTTPException

from app.captures.artifacts import harmless
from app.model import Artifact, Capture, Kind
from app.web.api.report import tops
from app.web.api.schemas.capture import capture_out
from app.web.bundle.readme import readme
from app.web.bundle.report_page import report_page
from app.web.bundle.zipped import Entry
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, stored
from app.web.profiles import Profiles
from app.web.report import report

FOLDERS = {Kind.EVIDENCE: "evidence", Kind.LOG: "logs"}
PACKED = (".pprof", ".gz")


def name_of(capture: Capture) -> str:
    """`<service>-bundle-<time>`, of harmless characters only: the folder in the zip, and the zip itself."""
    service = capture.target.service if capture.target else capture.trigger.alertname
    return f"{harmless(service)}-bundle-{capture.started_at or capture.created_at:%Y%m%dT%H%M%SZ}"


def entries(parts: Parts, page: PageRenderer, profiles: Profiles, capture: Capture) -> Iterator[Entry]:
    """The files in their order; each is made or read when it is its turn."""
    paths = {file.name: f"{FOLDERS.get(file.kind, 'profiles')}/{file.name}" for file in capture.artifacts}
    document = capture_out(capture).model_dump(mode="json")
    yield _text("README.txt", readme(capture, list(paths.values()), parts.external_url))
    yield _text("alert.json", _json(document["trigger"]))
    yield _text("capture.json", _json(document))
    yield _text("timeline.txt", _timeline(capture))
    for file in capture.artifacts:
        yield Entry(paths[file.name], _read(parts, capture, file), file.size, file.sha256, file.name.endswith(PACKED))
    yield _text("report.md", report(capture, tops(profiles, capture), parts.external_url))
    yield Entry("report.html", [report_page(page, profiles, capture).encode("utf-8", "replace")])


def _text(name: str, text: str) -> Entry:
    return Entry(name, [printable(text).encode("utf-8", "replace")])


def printable(text: str) -> str:
    """The text with JSON's escape for every character that could move a terminal's cursor, or turn its text around."""
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _timeline(capture: Capture) -> str:
    lines = ((event.at, event.step, " ".join(event.message.split())) for event in capture.timeline)
    return "".join(f"{at:%Y-%m-%dT%H:%M:%SZ}  {step:12}  {message}\n" for at, step, message in lines)


def _read(parts: Parts, capture: Capture, file: Artifact) -> Iterator[bytes]:
    """The artifact's bytes. Raises OSError with a sentence when the store has lost it or cannot read it now."""
    try:
        yield from stored(parts, f"{capture.id}/{file.name}")
    except HTTPException as error:
        raise OSError(error.detail) from error
