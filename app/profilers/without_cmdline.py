"""Servers that do not tell their command line, such as those of Rust services with pprof-rs: whose profiles are they?

They are asked only at a port that the rule names, and believed only if one of these shows that the process answers:

1. A profile says where its code lies, and the process has that code there.
2. A profile names the build id of the process's executable.
3. The process catches SIGPROF while /profile is answered, and not before or afterwards. The profiles of pprof-rs 0.15
   have neither addresses nor build ids.
"""

from concurrent.futures import ThreadPoolExecutor, wait

from app.analysis.profile import BadProfile, read
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.facts import Layout
from app.hosts.http import Deadlines, Reply
from app.profilers.origin import SAMPLE_LIMIT, conflict, must_be, told_by
from app.profilers.servers import Server

NOT_SERVED = "answers 404"
SAMPLES = ("heap", "allocs")  # of jemalloc_pprof, with build ids
LENGTHS = (1, 4)  # seconds of a recording; the longer one for a host that is too busy to be looked at within a second
LIMIT = 16 << 20  # bytes of it; of what is larger than SAMPLE_LIMIT, the mappings are not looked at
MEANWHILE = (False, True, False)  # catches SIGPROF: before, while it answers, afterwards
ANSWER = Deadlines(first=40, silence=15, whole=60)  # seconds; pprof-rs reads all debug information before it answers
LOOK = 0.2  # seconds between two looks at a process that may be recording
REMEDY = "Let it serve its command line, as of /proc/self/cmdline, at"


def other(server: Server, process: Process, layout: Layout, gate: Gate) -> str:
    """What answers there instead of the process, as the end of a sentence; "" if the process is shown to answer.

    Raises Refused if another process is shown to answer, or if it cannot be told which one does."""
    for query in SAMPLES:
        reply, body = server.small(query, SAMPLE_LIMIT, ANSWER)
        if reply.status == 200 and not reply.fault and shown(server, process, layout, body):
            return ""
    for seconds in LENGTHS:
        reply, body, caught = recorded(server, process, gate, seconds)
        if reply.fault or reply.status != 200:
            return reply.fault or (NOT_SERVED if reply.status == 404 else f"answers /profile with {reply.status}")
        if shown(server, process, layout, body) or caught == MEANWHILE:
            return ""
        if any(caught):
            break
    silent = "its profiles have no addresses or build ids, and the process did not begin to catch SIGPROF meanwhile"
    raise conflict(server, process, f"{silent}. {REMEDY} {server.path}/cmdline")


def shown(server: Server, process: Process, layout: Layout, profile: bytes) -> bool:
    """Whether a profile shows that it is the process's. Raises Refused if it shows that it is another's."""
    try:
        mapped = read(profile, limit=SAMPLE_LIMIT).mapped
    except BadProfile:
        return False
    must_be(server, process, layout, mapped)
    return bool(told_by(layout, mapped))


def recorded(server: Server, process: Process, gate: Gate, seconds: int) -> tuple[Reply, bytes, tuple[bool, ...]]:
    """A cpu profile: the reply, its body, and when the process caught SIGPROF, as in MEANWHILE."""
    before, during = sampled(process, gate), False
    with ThreadPoolExecutor(1, thread_name_prefix="pprof") as thread:
        answer = thread.submit(server.small, f"profile?seconds={seconds}", LIMIT, ANSWER)
        while not during and not wait([answer], LOOK).done:
            during = sampled(process, gate)
    reply, body = answer.result()
    return reply, body, (before, during, sampled(process, gate))


def sampled(process: Process, gate: Gate) -> bool:
    """Whether the process catches SIGPROF now."""
    seen = gate.look(process.id.pid)
    return seen is not None and seen.id == process.id and seen.sampled
