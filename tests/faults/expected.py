"""What each service's first finding has to say."""

from typing import Final, NamedTuple


class Fault(NamedTuple):
    """what: for the table; code: of the finding; guilty: the functions of which its title names one or more."""

    what: str
    code: str
    guilty: tuple[str, ...]


FAULTS: Final = {
    "quadratic": Fault("a search within a loop", "hot_function", ("quadratic.find", "quadratic.unite")),
    "patterns": Fault("a pattern compiled for every field", "regexp_compile", ("patterns.matches",)),
    "clone": Fault("values copied through JSON in a loop", "json_copy", ("clone.deepCopy",)),
    "garbage": Fault("short-lived garbage", "garbage", ("garbage.columns",)),
    "sessions": Fault("a map that only grows", "memory_grows", ("sessions.newSession",)),
    "notify": Fault("goroutines that send to nobody", "goroutines_leaked", ("notify.report",)),
    "ledger": Fault("slow work under a lock", "lock_contention", ("ledger.(*book).flush",)),
    "pool": Fault("a connection that is not given back", "requests_wait", ("pool.(*repository).record",)),
    "audit": Fault("writes without a buffer", "system_calls", ("audit.(*trail).put",)),
    "poll": Fault("a select with a default", "spinning", ("poll.(*bus).step",)),
    "render": Fault("one string made of many", "concatenation", ("render.row",)),
    "compare": Fault("reflect.DeepEqual in a loop", "reflection", ("compare.equal",)),
    "signin": Fault("a key derived for every request", "cryptography", ("signin.derive",)),
    "retries": Fault("time.After in a loop", "timers", ("retries.(*queue).next",)),
    "chatty": Fault("a log line for every row", "logging", ("chatty.(*importer).trace",)),
    "headers": Fault("small slices that keep large arrays", "memory_grows", ("headers.receive",)),
    "ranking": Fault("everything sorted for each insertion", "sorting", ("ranking.order",)),
    "quota": Fault("a return without Unlock", "deadlock", ("quota.(*limiter).allow",)),
    "transfer": Fault("a lock taken twice", "deadlock", ("transfer.(*bank).settle",)),
    "watch": Fault("a context that is never cancelled", "goroutines_grow", ("watch.pump",)),
    "feed": Fault("tickers that are never stopped", "goroutines_grow", ("feed.keepFresh",)),
    "keys": Fault("fmt.Sprintf for the keys of a map", "formatting", ("keys.key",)),
    "mailbox": Fault("a queue without an end", "memory_grows", ("mailbox.compose", "mailbox.(*queue).push")),
    "letters": Fault("a template parsed for every letter", "template_parse", ("letters.layout",)),
    "await": Fault("a loop that waits for an atomic", "hot_function", ("await.(*worker).next",)),
    "exports": Fault("a compressor made for every answer", "garbage", ("exports.packed",)),
    "upstream": Fault("response bodies that are not closed", "goroutines_leaked", ("upstream.(*gateway).ask",)),
}
HEALTHY: Final = {
    "healthy-api": "searches, JSON, compression, a cache",
    "healthy-workers": "300 workers behind a channel",
    "healthy-lru": "a full cache that changes all the time",
    "healthy-batch": "a pipeline that packs and hashes",
}
