"""Servers that do not let a recording take as long as requested, and how much shorter the next request is. Pure.

Go up to 1.22 refuses at once a recording that the server's WriteTimeout would cut off, and does not say how long that
timeout is. Later versions extend the timeout, unless a middleware hides the server's own writer: then everything is
recorded and nothing is sent. Whatever stands in front of the handler (http.TimeoutHandler, a middleware, a proxy)
answers when its own time is up.
"""

REFUSED = "exceeds server's WriteTimeout"  # net/http/pprof's own words, with status 400
TIMED_OUT = frozenset({408, 499, 503, 504})
SENT = 30.0  # seconds that an answer may take to arrive; a server that is silent for longer is busy
SHORTEST = 1.5  # seconds; a TIMED_OUT answer that comes sooner has not waited for a recording
STEPS = (899, 599, 299, 239, 179, 149, 119, 89, 74, 59, 54, 49, 44, 39, 34, 29, 24, *range(19, 0, -1))


def instead(seconds: int, status: int, said: str, after: float) -> tuple[int, str] | None:
    """How many seconds to request next, and why fewer; None if a shorter recording would not help.

    seconds: the requested length; status, said: the answer to it; after: seconds until that answer"""
    if status == 400 and REFUSED in said:
        less = next((step for step in STEPS if step < seconds), 0)
        return (less, "its server's WriteTimeout allows no more") if less else None
    if status == 0 and 1 < seconds <= after < seconds + SENT:
        return seconds // 2, "it was recorded and then not sent, as where a middleware hides a WriteTimeout"
    if status in TIMED_OUT and SHORTEST <= after < seconds:
        less = min(int(after - 0.5), seconds - 1)
        return less, f"something before it ends requests after {after:.0f} s with {status}"
    return None
