"""The questions and answers of the gate (parts/), typed. Called by resolvers and profilers, through gate/pool.py.

A request is built from validated numbers and enumerations only; an answer is believed about that host alone.
acts.py has the verbs that act on processes, exchange.py the line protocol, words.py the words of a request, answers.py
and facts.py what answers mean.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from app.errors import Code, Refused, Retryable
from app.gate.acts import Acts
from app.gate.answers import REMOTE_KIND, Answer, Process, RemoteFile, printable, process_in
from app.gate.assemble import script
from app.gate.facts import Layout, Named, Pod, Ports, Seen, address_in, layout_in, named_in, pod_in, ports_in, seen_in
from app.gate.leased import require_lease
from app.gate.log_lines import LogEnd, log_in, variables_in
from app.gate.mapped import CodeArea, Span, area_words, code_areas_in
from app.gate.memory import PAGE, Area, Pages, areas_in, page_word
from app.gate.recipes import Recipe
from app.gate.words import Words, hexword, number, words_of
from app.hosts.pipe import Pipe
from app.model import ProcessId
from app.redaction import BUILT_IN, Redaction

MEMORY_TIMEOUT = 30.0  # seconds for one request
BLIND = "could not be looked at: its host is short of processes or memory"
HIDDEN = (
    "/proc is mounted with hidepid there, so this account sees no processes but its own: log in as the service's user "
    "or as root, or set become: sudo"
)

Write = Callable[[bytes], object]
Texts = tuple[str, ...]  # untrusted lines, each harmless on a terminal


class Gate(Acts):
    """One gate on one host. Raises Retryable when it is lost or talks nonsense.

    send_script: the far end is a shell that waits for the script, with these recipes; otherwise the gate runs already.
    timeout: seconds for an answer. redaction: of what it tells. ahead: requests that it has. boot, user: the host's
    boot id, and the number of the user that the gate runs as."""

    def __init__(
        self,
        pipe: Pipe,
        host: str,
        *,
        send_script: bool,
        timeout: float = 10.0,
        recipes: Iterable[Recipe] = (),
        redaction: Redaction = BUILT_IN,
        ahead: Sequence[Words] = (),
    ) -> None:
        super().__init__(pipe, host, timeout, ahead)
        self._redaction = redaction
        if send_script:
            pipe.send(script(recipes), timeout)
        words = self._line(monotonic() + timeout).split()
        if len(words) != 4 or words[:2] != ["ready", "1"]:
            raise self._broken(f"does not let us work there: {' '.join(words)[:80]!r}")
        self.boot, self.user = words[2], words[3]

    def answers(self) -> bool:
        """Whether it answers now, which is asked. One that does not is lost."""
        with suppress(Retryable):
            self.process(1)
        return not self.lost

    def process(self, pid: int) -> tuple[Seen, ...]:
        """The process with that number, if there is one, as cheaply as can be: without its executable."""
        return seen_in(self.boot, self._ask("see", number(pid))[1])

    def look(self, pid: int) -> Process | None:
        """Everything about one process, freshly read; None when there is none of that number."""
        return self._looked(pid, *self._ask("look", number(pid)))

    def look_at_scene(self, pid: int) -> tuple[Process | None, Texts]:
        """The same, and in the same round trip the lines of its scene; none from an earlier gate."""
        looked, (_, scene) = self._ask_together(("look", number(pid)), ("scene", number(pid)))
        return self._looked(pid, *looked), self._texts(scene)

    def around(self, process: ProcessId) -> Texts:
        """Counts of what a process holds, the host's biggest processes and the kernel's lines; () when it is gone."""
        return self._texts(self._ask("around", *words_of(process))[1])

    def sample(self, process: ProcessId, seconds: int, token: str, around_after: int = 0) -> str:
        """Begins to sample the process for so long, once for a token and not after `unsample`. The code: started,
        replayed or why not.

        around_after: in how many seconds it looks at what is around the process; an earlier gate does so at once"""
        require_lease(self.host)
        words = (*words_of(process), number(seconds), hexword(token))
        code = self._ask("sample", *words, *((number(around_after),) if around_after else ()))[0]
        return self._ask("sample", *words)[0] if around_after and code == "bad" else code

    def samples(self, token: str) -> Texts:
        """Ends the sampling, and its lines; () where there was none."""
        return self._texts(self._ask("samples", hexword(token))[1])

    def unsample(self, token: str) -> None:
        """Ends the sampling, and removes its lines from the host."""
        self._ask("unsample", hexword(token))

    def log(self, recipe: Recipe, seconds: int) -> LogEnd:
        """The end of a log that the configuration names; a unit's journal of the last so many seconds."""
        code, lines = self._ask("log", hexword(recipe.id), number(seconds), timeout=self._timeout + 15)
        return log_in(code, lines, self._redaction)

    def variables(self, process: ProcessId, recipe: Recipe, names: Sequence[str]) -> tuple[str, dict[str, str]]:
        """Those of the named variables that a process was started with. The code, and what is set."""
        code, lines = self._ask("variables", *words_of(process), hexword(recipe.id))
        return code, variables_in(lines, names, self._redaction)

    def hides(self) -> bool:
        """Is the process 1, which there always is, not shown to this account? Then others are not, either."""
        return self.user != "0" and not self.process(1)

    def processes(self) -> tuple[Seen, ...]:
        """Every process but the kernel's threads, which have no memory of their own."""
        return tuple(p for p in seen_in(self.boot, self._ask("list")[1]) if p.exe or p.rss)

    def listeners(self, port: int) -> tuple[Seen, ...]:
        """The processes that listen on this TCP port, in whatever network namespace."""
        _, lines = self._ask("listen", number(port))
        if ("hidden", "1") in lines:
            raise Retryable(
                Code.NOT_PERMITTED,
                f"{self.host}: something listens on port {port}, but whose socket it is may not be seen: "
                "log in as the service's user or as root, or set become: sudo",
            )
        return seen_in(self.boot, lines)

    def addresses(self) -> tuple[str, ...]:
        """The host's own, as its network namespace has them."""
        values = [value.split() for key, value in self._ask("own")[1] if key == "own"]
        return tuple(filter(None, map(address_in, values[0]))) if values else ()

    def ports(self, pid: int) -> Ports:
        """Where a process listens; nowhere when there is none of that number."""
        return ports_in(self._ask("ports", number(pid))[1])

    def layout(self, pid: int) -> Layout | None:
        """Where a process's code lies in its memory; None when there is none of that number."""
        code, lines = self._ask("code", number(pid))
        if code == "blind":
            raise Retryable(Code.TIMEOUT, f"{self.host}: pid {pid} {BLIND}")
        if code == "verb":
            raise Refused(
                Code.NOT_PERMITTED,
                f"{self.host}: the gate that is installed there is of an earlier alertprof: install what "
                "`alertprof gate --config.file F` prints",
            )
        return layout_in(lines) if code == "ok" else None

    def pods(self) -> tuple[Pod, ...]:
        """The containers that the kubelet of this host keeps logs of."""
        return tuple(pod for key, value in self._ask("pods")[1] if key == "pod" and (pod := pod_in(value)))

    def named(self) -> tuple[Named, ...]:
        """The containers that Docker and Podman (as root) know on this host."""
        return named_in([value for key, value in self._ask("names")[1] if key == "says"])

    def fetch(self, token: str, files: Mapping[str, Write], limit: int, timeout: float) -> list[Answer]:
        """Streams files of the token, each of a kind, into these functions, all in one round trip; timeout: of each.

        Code `ok` means that exactly the announced bytes came."""
        if wrong := [kind for kind in files if not REMOTE_KIND.fullmatch(kind)]:
            raise ValueError(f"no kind of remote file: {wrong}")
        words = [("fetch", hexword(token), kind, number(limit)) for kind in files]
        answers = self._ask_for_bytes(*zip(words, files.values(), strict=True), limit=limit, timeout=timeout)
        if any(lines for _, _, lines in answers):
            raise self._broken("sends more than it has announced")
        return [
            Answer(code) if size is None else Answer(code, (RemoteFile(kind, "", size),))
            for kind, (code, size, _) in zip(files, answers, strict=True)
        ]

    def end_fetch(self) -> None:
        """Closes on the host what was opened for fetches: files that are removed would take room until then."""
        self._tell("unfetch")

    def memory(self, process: ProcessId, pages: Sequence[Pages]) -> tuple[str, bytes, tuple[Area, ...]]:
        """Reads pages of a process's executable and of its memory, 128 MiB at most.

        Returns a code (`ok` if the process was the same before and afterwards), the bytes of all pages in the order
        asked for, zeros for each that could not be read, and the process's mappings."""
        read = bytearray()
        words = (*words_of(process), *map(page_word, pages))
        size = sum(each.pages for each in pages) * PAGE
        request = ("memory", *words), read.extend
        [(code, announced, lines)] = self._ask_for_bytes(request, limit=size, timeout=MEMORY_TIMEOUT)
        if code == "ok" and (announced != size or len(read) != size):
            raise self._broken("sends other pages than it was asked for")
        return code, bytes(read), areas_in(lines)

    def mapped(
        self, process: ProcessId, area: CodeArea | None = None, spans: Sequence[Span] = ()
    ) -> tuple[str, bytes, tuple[CodeArea, ...]]:
        """Reads pages of a file whose code a process runs. area: one of its mappings.

        Returns a code (`ok` if the process was the same before and afterwards), the bytes of all spans, zeros for what
        could not be read, and the process's mappings of code."""
        read = bytearray()
        words = (*words_of(process), *(area_words(area, spans) if area else ()))
        size = sum(span.pages for span in spans) * PAGE
        request = ("mapped", *words), read.extend
        [(code, announced, lines)] = self._ask_for_bytes(request, limit=size, timeout=MEMORY_TIMEOUT)
        if code == "ok" and (announced != size or len(read) != size):
            raise self._broken("sends other pages than it was asked for")
        return code, bytes(read), code_areas_in(lines)

    def _texts(self, lines: Iterable[tuple[str, str]]) -> Texts:
        """The lines of an answer as they were sent, but for secrets and what a terminal would not print."""
        said = "\n".join(printable(f"{key} {value}") for key, value in lines)
        return tuple(self._redaction.text(said).split("\n")) if said else ()

    def _looked(self, pid: int, code: str, lines: list[tuple[str, str]]) -> Process | None:
        if code in ("blind", "busy"):
            raise Retryable(Code.TIMEOUT, f"{self.host}: pid {pid} {BLIND}")
        groups = tuple(dict.fromkeys(value for key, value in lines if key == "group"))[:32]
        return replace(self._process(dict(lines)), groups=groups) if code == "ok" else None

    def _process(self, facts: dict[str, str]) -> Process:
        try:
            return replace(process_in(self.boot, facts), redaction=self._redaction)
        except (KeyError, ValueError) as error:
            raise self._broken(f"describes a process in a way not understood: {error}") from error
