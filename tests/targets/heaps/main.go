// Heaps keeps a thousand objects, and serves net/http/pprof on 127.0.0.1:PORT.
//
//	BUSY=1  allocates and collects all the time, from ever new stacks        UNUSED=1  has the runtime keep no profile
//	SIGUSR1  becomes another process's image: the same program anew
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

var (
	kept [][]byte
	sink []byte
)

func main() {
	if os.Getenv("UNUSED") != "" {
		runtime.MemProfileRate = 0
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	check(err)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go again(asked)
	keep(1000)
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	if os.Getenv("BUSY") != "" {
		for i := 0; i < 3; i++ {
			go churn(i)
		}
		go collect()
	}
	fmt.Println("READY", os.Getpid())
	panic(http.Serve(listener, nil))
}

//go:noinline
func keep(objects int) {
	for i := 0; i < objects; i++ {
		kept = append(kept, make([]byte, 1024))
	}
}

func churn(seed int) {
	for depth := seed; ; depth = (depth*31 + 7) % 90 {
		deeper(depth)
	}
}

//go:noinline
func deeper(depth int) {
	if depth > 0 {
		deeper(depth - 1)
		return
	}
	for i := 0; i < 20; i++ {
		sink = make([]byte, 512)
	}
}

func collect() {
	for {
		runtime.GC()
	}
}

func again(asked chan os.Signal) {
	<-asked
	check(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "PORT=0")))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
