"""What an object store says when it refuses, made fit for people: a code, a sentence, a remedy.

Its answer is untrusted, and may have the key's id and the text that was signed (Amazon's SignatureDoesNotMatch). So of
XML only the code and the message are taken, and of anything else a line without control characters.
"""

import re

LONGEST = 300  # characters
ANSWER = re.compile(r"Server returned non-2xx status code: (\d+[^:]*): ?(.*)", re.DOTALL)
PART = {name: re.compile(rf"<{name}>([^<]*)</{name}>") for name in ("Code", "Message")}
REMEDIES = {
    "RequestTimeTooSkewed": "set this machine's clock",
    "SlowDown": "it is overloaded, and is asked again",
    "InvalidAccessKeyId": "correct storage.object_store.access_key_id",
    "SignatureDoesNotMatch": "correct the secret key in its file",
    "AccessDenied": "give the key the right to list, read, write and delete there",
    "AllAccessDisabled": "give the key the right to list, read, write and delete there",
    "NoSuchBucket": "make the bucket, or correct storage.artifacts",
    "PermanentRedirect": "name the bucket's own region and endpoint",
    "TemporaryRedirect": "name the bucket's own region and endpoint",
    "AuthorizationHeaderMalformed": "name the bucket's own region",
}


def sentence(fault: Exception) -> str:
    """What an exception of obstore says. Behind its first part is a text for its authors."""
    said = str(fault).partition("\n\nDebug source:")[0]
    if not (answer := ANSWER.search(said)):
        return plain(re.sub(r"^Generic \w+ error: ", "", said))
    status, body = plain(answer[1]), answer[2]
    code, message = (plain(found[1]) if (found := part.search(body)) else "" for part in PART.values())
    told = ": ".join(filter(None, (code, message.rstrip(".")))) if code else plain(body)
    remedy = REMEDIES.get(code, "name the bucket's own region and endpoint" if status[:1] == "3" else "")
    return "; ".join(filter(None, (f"it answers {status}" + (f": {told}" if told else ""), remedy)))


def plain(text: str) -> str:
    """In one line, without control characters, and not long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
