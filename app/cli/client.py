"""A running service over HTTP, for the command line. Every failure becomes a ServiceError with one sentence."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

TIMEOUT = 30.0
NEXT = {  # what to type after an answer with this status, besides what the service says
    403: "Name the file that holds an operator's token with --token-file FILE.",
    404: "Type alertprof captures for those that there are.",
}
ELSEWHERE = "say with --url URL or ALERTPROF_URL where it runs"


class ServiceError(Exception):
    """The service could not be asked, or refused. The message says why; `status` is None when nobody answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A running service.

    url: its address. A user and password in it are sent, and never shown.
    token_file: a file whose first line is sent as a bearer token.
    Raises ServiceError for an address or a token file that cannot be used.
    """

    def __init__(self, url: str, token_file: Path | None = None) -> None:
        self.url = re.sub(r"//[^/]*@", "//", url.rstrip("/"), count=1)
        authorization = _authorization(token_file)
        try:
            self.http = httpx2.Client(base_url=url.rstrip("/"), headers=authorization, timeout=TIMEOUT)
        except (httpx2.InvalidURL, ValueError) as error:
            raise ServiceError(f"{self.url!r} is no address; write it as http://127.0.0.1:9911") from error

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON at `path`. Raises ServiceError."""
        return self.ask("GET", path, params=query)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of the answer, or None for an empty one. more: arguments of httpx2.request. Raises ServiceError."""
        with self._answering():
            answer = self.http.request(method, path, **more)
            _check(answer)
            return answer.json() if answer.content else None

    def text(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """The text at `path`. Raises ServiceError."""
        with self._answering():
            answer = self.http.get(path, params=query)
            _check(answer)
            return answer.text

    def save(self, path: str, file: Path, sha256: str) -> None:
        """Downloads `path` to `file`. The file appears whole and with this checksum, or not at all. Raises
        ServiceError."""
        digest, part = hashlib.sha256(), file.with_name(f".{file.name}.part")
        try:
            with self._answering(), self.http.stream("GET", path) as answer, part.open("wb") as out:
                if answer.is_error:
                    answer.read()
                _check(answer)
                for chunk in answer.iter_bytes():
                    digest.update(chunk)
                    out.write(chunk)
            if digest.hexdigest() != sha256:
                raise ServiceError(f"{file.name} arrived with another checksum than the service has; fetch it again")
            part.replace(file)
        except OSError as error:
            raise ServiceError(
                f"{file} cannot be written: {error.strerror}; name another directory with -o DIR"
            ) from error
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ServiceError(f"alertprof at {self.url} does not answer ({error}); {_remedy(str(error))}") from error
        except ValueError as error:
            raise ServiceError(f"what answers at {self.url} is not alertprof: {error}; {ELSEWHERE}") from error


def _remedy(error: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in error:
        return "its certificate is not trusted here; SSL_CERT_FILE=FILE names its authority's, or its own"
    if "WRONG_VERSION_NUMBER" in error:
        return "it speaks no TLS; write --url http://…"
    if "missing an 'http://'" in error:
        return "write --url http://HOST:9911"
    if "disconnected without" in error:
        return "does it speak TLS? Then write --url https://…"
    return f"start it with alertprof serve, or {ELSEWHERE}"


def _authorization(token_file: Path | None) -> dict[str, str]:
    if token_file is None:
        return {}
    who = f"the token file {token_file} (--token-file, ALERTPROF_TOKEN_FILE)"
    try:
        lines = token_file.read_text(encoding="ascii").split()
    except OSError as error:
        raise ServiceError(f"{who} cannot be read: {error.strerror}; name another") from error
    except UnicodeDecodeError as error:
        raise ServiceError(f"{who} holds no token, which is a line of ASCII; name another") from error
    if not lines:
        raise ServiceError(f"{who} is empty; write the token into it")
    return {"Authorization": f"Bearer {lines[0]}"}


def _check(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"the answer was {answer.status_code} {answer.reason_phrase}: is this alertprof? If not, {ELSEWHERE}."
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        detail = f"{detail} {_credentials_wanted(answer.request.headers.get('Authorization', ''))}"
    if answer.status_code in NEXT:
        detail = f"{detail} {NEXT[answer.status_code]}"
    raise ServiceError(detail, answer.status_code)


def _credentials_wanted(given: str) -> str:
    if given.startswith("Bearer "):
        return "The one in --token-file or ALERTPROF_TOKEN_FILE is none of those that open it."
    if given:
        return "The name and password in --url do not open it."
    return (
        "Name the file that holds a token with --token-file FILE or ALERTPROF_TOKEN_FILE, "
        "or write a user into the address: --url https://NAME:PASSWORD@HOST."
    )
