#!/bin/sh
# Expected: a closure has the same symbol whatever Go compiled it, or one that differs in its number at most.
# Seen: where the function around it is inlined, Go up to 1.26 names the closure after the caller (main.main.inl.func1),
# Go 1.27 after the function in which it is written (main.inl.func1). Comparing profiles across that upgrade, the same
# code seems gone under one name and new under another, though nobody has changed a line.
# Go 1.26.8 and 1.27.3; golang.org/toolchain from the module proxy.
set -eu

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export GOFLAGS='-modcacherw -buildvcs=false' GOPATH="$folder/path" GOCACHE="$folder/cache" GOWORK=off

cat >go.mod <<'EOF'
module example.com/closures

go 1.26
EOF
cat >main.go <<'EOF'
package main

import "os"

//go:noinline
func run(f func() int) int { return f() }

func inl(n int) func() int { return func() int { return n + 1 } }

func main() { println(run(inl(len(os.Args)))) }
EOF

closure() {
	GOTOOLCHAIN=$1 go build -o "$1" .
	GOTOOLCHAIN=$1 go tool nm "$1" | sed -n 's/.* \(main\..*func[0-9]*\)$/\1/p'
}

old=$(closure go1.26.8)
new=$(closure go1.27.3)
echo "go1.26.8: $old"
echo "go1.27.3: $new"
[ "$old" = main.main.inl.func1 ] && [ "$new" = main.inl.func1 ]
