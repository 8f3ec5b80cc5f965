"""The verbs that act on processes, and those about a token. Base of client.Gate.

A start carries the capture's token and the fence of the claim under which it is sent. The same token never begins a
second recording, and where the target has heard of a later fence the start is refused (`fenced`): a replica that was
stopped for a while begins nothing that another has taken over. An act is sent only while the lease holds.
"""

from dataclasses import replace

from app.gate.answers import Answer, Mode, answer_of
from app.gate.exchange import Exchange
from app.gate.leased import require_lease
from app.gate.recipes import Recipe
from app.gate.words import hexword, number, words_of
from app.model import ProcessId
from app.redaction import BUILT_IN, Redaction


class Acts(Exchange):
    """As Exchange. fence, of the verbs below: 0 where there is no claim. A gate that is installed and of an earlier
    version knows none; it is asked without."""

    _redaction: Redaction = BUILT_IN

    def start(self, process: ProcessId, mode: Mode, seconds: int, token: str, fence: int = 0) -> Answer:
        """Check, journal, arm (toggle) and send SIGUSR2, in one step; the same token never signals twice."""
        return self._begin("start", *words_of(process), mode.value, number(seconds), hexword(token), fence=fence)

    def run(self, process: ProcessId, recipe: Recipe, seconds: int, token: str, fence: int = 0) -> Answer:
        """Check, journal, run the configuration's command under a keeper that ends it; the same token never twice."""
        return self._begin("run", *words_of(process), hexword(recipe.id), number(seconds), hexword(token), fence=fence)

    def signal(self, process: ProcessId, recipe: Recipe, seconds: int, token: str, fence: int = 0) -> Answer:
        """Check, journal, arm (where a signal ends it), send the configuration's signal; the same token never twice."""
        words = (*words_of(process), hexword(recipe.id), number(seconds), hexword(token))
        return self._begin("signal", *words, fence=fence)

    def fence(self, process: ProcessId, token: str, fence: int) -> Answer:
        """From now on no earlier claim of the token begins anything in the process; what such a one has just begun is
        in the journal."""
        return self._act("fence", number(process.pid), number(process.start), hexword(token), number(fence))

    def dump(self, token: str) -> Answer:
        """SIGUSR1, once: the goroutine dump becomes one of the token's files."""
        return self._act("dump", hexword(token))

    def status(self, token: str) -> Answer:
        return self._act("status", hexword(token))

    def stop(self, token: str) -> Answer:
        """Sees to it that the token's recording ends: `finished`, `open` (ask again), `gone`, or why not."""
        return self._act("stop", hexword(token))

    def drop(self, token: str) -> Answer:
        """Removes the token's files on the target."""
        return self._act("drop", hexword(token))

    def _begin(self, verb: str, *words: str, fence: int) -> Answer:
        answer = self._act(verb, *words, *((number(fence),) if fence else ()))
        return self._act(verb, *words) if fence and answer.code == "bad" else answer

    def _act(self, verb: str, *words: str) -> Answer:
        require_lease(self.host)
        code, lines = self._ask(verb, *words, timeout=self._timeout + 15)
        answer = answer_of(code, lines)
        return replace(answer, last_words=tuple(map(self._redaction.text, answer.last_words)))
