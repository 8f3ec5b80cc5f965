"""Slack, Teams, DingTalk, Feishu, WeCom, mail and some hundred other services, by way of Apprise.

The address is Apprise's (https://appriseit.com/services/), and holds the secret, so it is in a file. Apprise is not
installed by default: pip install 'alertprof[notify]'.
"""

import logging
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from app.notifiers.base import Notification, Notifier, Undelivered, secret
from app.notifiers.endpoint import FILE, parts, without
from app.notifiers.templates import check_template
from app.notifiers.texts import BODY, TITLE, text_of

INSTALL = "Apprise is not installed; pip install 'alertprof[notify]'"
LOCAL = ("dbus", "file", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")  # they act on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Apprise(Notifier):
    """url_file: a file with Apprise's address, which holds the secret
    title, body: templates; format: what the body is, text, markdown or html. Apprise makes of it what the service takes
    """

    url_file: str = field(metadata=FILE)
    title: str = TITLE
    body: str = BODY
    format: Literal["text", "markdown", "html"] = "text"

    def __post_init__(self) -> None:
        if find_spec("apprise") is None:
            raise ValueError(INSTALL)
        check_template("title", self.title, "text")
        check_template("body", self.body, self.format)

    def tell(self, notification: Notification) -> None:
        """Delivers it. Chats know no idempotency key: what is delivered again is seen again."""
        url = checked(secret(self.url_file))
        title, body = text_of(self.title, "text", notification), text_of(self.body, self.format, notification)
        library = installed()
        with library.LogCapture(level=logging.WARNING) as log:
            service = service_of(url)
            if not service.notify(body=body, title=title, body_format=self.format):
                said = without(log.getvalue(), [url, *parts(url)])
                raise Undelivered(f"{url.partition(':')[0]} did not take it{f': {said}' if said else ''}")


def checked(url: str) -> str:
    """The address. Raises Undelivered for one that is none of a service."""
    scheme = url.partition("://")[0].lower()
    if "://" not in url or not scheme:
        raise Undelivered("url_file holds no address of Apprise, as slack://TokenA/TokenB/TokenC")
    if scheme in LOCAL:
        raise Undelivered(f"url_file: {scheme}:// acts on this machine; name a service of another")
    return url


def service_of(url: str) -> Any:
    """Apprise with this service alone. No redirect is followed: it would take the secret elsewhere. Raises
    Undelivered."""
    library = installed()
    asset = library.AppriseAsset(app_id="alertprof", app_desc="alertprof", http_redirects=False, async_mode=False)
    service = library.Apprise(asset=asset)
    if not service.add(url):
        raise Undelivered(f"Apprise takes no such address of {url.partition(':')[0]}: see appriseit.com/services")
    return service


@cache
def installed() -> Any:
    """Apprise itself, imported when it is needed first. Raises Undelivered."""
    try:
        return import_module("apprise")
    except ModuleNotFoundError as fault:
        raise Undelivered(INSTALL) from fault
