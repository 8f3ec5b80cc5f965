"""Files of secrets, one a line: tokens and the keys of links. Read when they are used; by tokens.py and links.py."""

from pathlib import Path


class TokensUnreadable(Exception):
    """The file cannot be read or holds none. The text is a sentence that names it."""


def read_tokens(file: Path, what: str = "token") -> list[bytes]:
    """The tokens, one per line. what: what the file holds, for sentences. Raises TokensUnreadable."""
    try:
        tokens = [line.strip() for line in file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise TokensUnreadable(f"the {what} file {file} cannot be read: {error.strerror}") from error
    if not tokens:
        raise TokensUnreadable(f"the {what} file {file} is empty; write one {what} a line")
    return tokens
