"""Renders the templates of the pages. Scripts and styles are files in static/; none is inline."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.analysis.flame.paths import About
from app.analysis.top import Top
from app.analysis.units import format_percent, format_value
from app.web.api.schemas.capture import href
from app.web.languages import LANGUAGES, _, address, address_in, language, ngettext
from app.web.links import Link
from app.web.pages import values, words
from app.web.pages.difference_flame import signed
from app.web.pages.states import notice_in_words, reason_in_words, severity_in_words, state_in_words, step_in_words
from app.web.pages.stored import reason_sentence, stored, stored_sentence
from app.web.parts import Parts
from app.web.transport.prefix import with_external_path

# Of pages with a form: with the no-referrer policy of the others a browser sends `Origin: null`, as for another site.
OWN_ORIGIN = {"referrer-policy": "same-origin"}


class PageRenderer:
    """Renders a template with what every page shows: the time, and whether captures are paused."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.jinja = Environment(
            loader=PackageLoader("app.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self.jinja.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
        self.jinja.filters |= {
            "clock": values.clock,
            "time": values.time,
            "name": values.name,
            "state": state_in_words,
            "reason": reason_in_words,
            "severity": severity_in_words,
            "step": step_in_words,
            "notice": notice_in_words,
            "stored": stored,
            "stored_sentence": stored_sentence,
            "reason_sentence": reason_sentence,
            "ago": words.ago,
            "size": lambda size: format_value(size, "bytes"),
            "value": format_value,
            "signed": signed,
            "percent": format_percent,
            "summary": words.summary,
            "paused": words.paused_in_words,
            "sampled": sampled,
            "breakable": values.breakable,
            "command": self.command,
        }
        self.jinja.globals |= {"href": href, "language": language, "languages": list(LANGUAGES.items())}
        self.jinja.globals |= {"address": address, "address_in": address_in}

    def __call__(self, template: str, **variables: Any) -> str:
        """The HTML of `template` with these variables."""
        return self.alone(template, paused=self.parts.ledger.paused(), **variables)

    def alone(self, template: str, **variables: Any) -> str:
        """The same, without asking the ledger."""
        html = self.jinja.get_template(template).render({"now": self.parts.now(), "paused": None, **variables})
        return with_external_path(html, self.parts.external_url)

    def command(self, link: Link) -> str:
        """The command line that opens an artifact."""
        return words.command(link.name, self.parts.external_url + link.href, "go tool pprof -http=:")


def sampled(shown: Top | About) -> str:
    """What a table or a tree is of: `cpu, 10s in all, over 30.10s.`"""
    amount = format_value(shown.total, shown.unit)
    if not shown.duration_seconds:
        return _("%(type)s, %(amount)s in all.", type=shown.sample_type, amount=amount)
    seconds = f"{shown.duration_seconds:.2f}"
    return _("%(type)s, %(amount)s in all, over %(seconds)ss.", type=shown.sample_type, amount=amount, seconds=seconds)
