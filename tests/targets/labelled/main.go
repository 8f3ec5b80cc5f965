// Labelled has COUNT goroutines whose labels hold a secret, and serves net/http/pprof on 127.0.0.1:PORT.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime/pprof"
	"strconv"
)

func main() {
	count, err := strconv.Atoi(os.Getenv("COUNT"))
	if err != nil {
		panic(err)
	}
	labels := pprof.Labels("user", "bob", "api_token", os.Getenv("SECRET"))
	pprof.Do(context.Background(), labels, func(context.Context) {
		for range count {
			go waiting()
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	fmt.Println("READY")
	panic(http.Serve(listener, nil))
}

func waiting() { select {} }
