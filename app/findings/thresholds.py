"""Every threshold of a finding, with its reason. docs/findings.md shows how they were chosen.

A share is a part of all of a profile, from 0 to 1.
"""

from typing import Final

# CPU profiles
SAMPLES: Final = 30  # below, the sampling noise of a share of one half is above 9 points
CORES: Final = 0.03  # below, a process is idle, also on a host that is short of processors
IDLE: Final = 0.1  # below, an alert about the CPU is about another moment or another process
CAUGHT: Final = 0.5  # of what the alert's rule measured; a rate over minutes and half a minute differ by less
SHORTER: Final = 0.75  # of the time asked for; a host that is slow to start takes a second or two
LATE: Final = 2.0  # seconds, which such a host takes of a short recording, too
BUSY: Final = 0.05  # below, it is no news that the little that is done is done in one place
HOT: Final = 0.5  # of all CPU time in one function: no second one can cost as much
DOMINATES: Final = 0.95  # a callee with this part of its caller's cost is what the caller does
CALLER: Final = 0.8  # a caller from which so much of a cost comes is a caller worth naming
CHARGED: Final = 0.5  # of a purpose, to one function: otherwise the cost is spread, and nobody is named
COMPILING: Final = 0.1  # patterns and templates seldom change; healthy services compile them at their start: near 0
WASTED: Final = 0.15  # timers and polling: they do nothing for the request
PARKED: Final = 0.1  # of the CPU time in the scheduler; where goroutines wait for each other, it is more
SWEEPER: Final = 4.0  # times what it sweeps; the runtime's sweeper yields after each step, which costs twice as much
YIELDS: Final = 0.05  # in the calls that yield themselves; the rest of their cost is in the scheduler
JOINED: Final = 0.2  # joining strings one by one copies all of them each time
COPIED_BY_JSON: Final = 0.3  # encoding and decoding by the same function copies a value
OVERHEAD: Final = 0.35  # logging, formatting, reflection, copying, system calls: seldom what a service is for
JOB: Final = 0.5  # JSON, compression, cryptography, sorting, …: may be what a service is for
MEMORY: Final = 0.5  # allocation and garbage collection together; healthy services spend 5 to 30 %

# heap profiles
GROWN: Final = 2 << 20  # bytes; the profile samples once in 512 KiB, so this is four samples
KEPT: Final = 0.5  # of what was allocated meanwhile: a leak keeps nearly all, a busy innocent nearly nothing
GROWTH: Final = 0.05  # of all that is in use
HELD: Final = 64 << 20  # bytes of one function, where there is one snapshot only
HELD_SHARE: Final = 0.5
UNCOLLECTED: Final = 2.0  # times what is kept: so far a heap grows before it is collected, with the default of GOGC

# the memory of the process, once a second
SAMPLED: Final = 3  # samples: less show no course
RESIDENT: Final = 8 << 20  # bytes: two steps in which the runtime takes memory from the kernel
STEADY: Final = 0.2  # of the growth, from each third of the recording to the next: otherwise it was one jump
SOON: Final = 600.0  # seconds until the kernel's limit: sooner than most alerts are looked at

# goroutines
MORE: Final = 10  # goroutines
NOISE: Final = 4.0  # standard deviations of two Poisson counts: once in thirty thousand pairs by chance
CROWD: Final = 100  # goroutines that wait for minutes
ORPHANS: Final = 0.8  # of a crowd whose makers have ended: workers have one maker, which lives
WAITING: Final = 8  # requests that wait at one place
WAITING_SHARE: Final = 0.6  # of all requests under way
VICTIMS: Final = 5  # goroutines that wait for a lock
FEW_VICTIMS: Final = 3  # where they are half of all requests under way
LEAKS: Final = 6  # functions with leaked goroutines, and lines of one: each is the runtime's own word
PERSISTS: Final = 2  # snapshots that show the same
QUEUED: Final = 1.0  # goroutines that waited for a lock at any time, on average since the start

# against the baseline
MORE_CPU: Final = 0.1  # of the CPU time; less is not what an alert is about, even if it is no noise
ALIKE: Final = 0.8  # of a share: what the baseline has nearly as well is not what has changed
TWICE: Final = 2.0  # times as much: pools and caches vary by less from day to day
MORE_HELD: Final = 8 << 20  # bytes of one function: sixteen samples of the heap
MORE_HELD_SHARE: Final = 0.1  # of all that is in use
YOUNG: Final = 600.0  # seconds that a process has run: its caches may not have been full

MOST: Final = 6  # findings of a capture
