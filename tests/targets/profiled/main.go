// Profiled serves net/http/pprof on loopback only, and has no go-zero.
//
//	PORT  the port on 127.0.0.1        HOT=1  hot from the start        CONTENDED=1  has locks to wait for, and counts them
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync"
	"time"
)

var answers uint64

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	if os.Getenv("HOT") != "" {
		go spin()
	}
	if os.Getenv("CONTENDED") != "" {
		contend()
	}
	fmt.Println("READY", os.Getpid())
	panic(http.Serve(listener, nil))
}

func spin() {
	block := make([]byte, 16<<10)
	for {
		answers += checksum(block)
	}
}

// checksum is what a profile has to name.
//
//go:noinline
func checksum(block []byte) uint64 {
	sum := uint64(14695981039346656037)
	for _, b := range block {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return sum
}

func contend() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	var lock sync.Mutex
	for range make([]struct{}, 2) {
		go func() {
			for {
				lock.Lock()
				time.Sleep(time.Millisecond)
				lock.Unlock()
			}
		}()
	}
}
