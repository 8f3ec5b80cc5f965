"""The crash harness: kill -9 and cut connections at random moments and at every known point, then look at the targets.

What counts is what the targets themselves noted and the files they really wrote, never what alertprof claims.
`make crash N=…`, `make crash POINTS=all`, `make crash REPLICAS=3`, `make cut N=…`; short runs of each are
tests/integration/test_crash.py.
"""
