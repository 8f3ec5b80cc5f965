"""The headers that the web configuration may set, as prometheus/exporter-toolkit has them."""

from collections.abc import Mapping

HEADERS: Mapping[str, tuple[str, ...]] = {  # the header and its allowed values; () allows any
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}


def valid_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers. Raises ValueError for one that may not be set, or not to this value."""
    for name, value in headers.items():
        if name == "Content-Security-Policy":
            raise ValueError(f"{name} is alertprof's own: it forbids every script, and cannot be replaced")
        if name not in HEADERS:
            raise ValueError(f"{name} cannot be set; there are {', '.join(HEADERS)}")
        if HEADERS[name] and value not in HEADERS[name]:
            raise ValueError(f"{name} is {' or '.join(HEADERS[name])}")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"{name} has a character that no header may have")
    return headers
