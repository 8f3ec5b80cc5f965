// Profiled serves net/http/pprof on loopback only, and has no go-zero.
//
//	PORT  the port on 127.0.0.1        HOT=1  warm from the start        CONTENDED=1  has locks to wait for, and counts them
//	GROWING=1  keeps ever more memory, and leaves ever more goroutines that nobody can wake
//	PASS_ON  a URL, to which requests are passed on        PASSED  whose path begins with one of these only, by commas
//	WRITE_TIMEOUT  as in 5s, of its server        TIMEOUT  of a http.TimeoutHandler        WRAPPED=1  hides the server's writer
//	FLIGHT  a path at which a flight recorder is served (flight.go)
//	PREFIX  before /debug/pprof        LOGIN  an Authorization that is wanted        TLS  a file of key and certificate
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	_ "net/http/pprof"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

var (
	answers uint64
	kept    [][]byte
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	check(err)
	if os.Getenv("HOT") != "" {
		go spin()
	}
	if os.Getenv("CONTENDED") != "" {
		contend()
	}
	if os.Getenv("GROWING") != "" {
		go grow()
	}
	server := &http.Server{Handler: handler(), WriteTimeout: duration("WRITE_TIMEOUT")}
	fmt.Println("READY", os.Getpid())
	if file := os.Getenv("TLS"); file != "" {
		panic(server.ServeTLS(listener, file, file))
	}
	panic(server.Serve(listener))
}

func handler() http.Handler {
	var served http.Handler = http.DefaultServeMux
	if to := os.Getenv("PASS_ON"); to != "" {
		served = passing(to, strings.Split(os.Getenv("PASSED"), ","), served)
	}
	if prefix := os.Getenv("PREFIX"); prefix != "" {
		served = http.StripPrefix(prefix, served)
	}
	if login := os.Getenv("LOGIN"); login != "" {
		served = wanting(login, served)
	}
	if most := duration("TIMEOUT"); most > 0 {
		served = http.TimeoutHandler(served, most, "too slow")
	}
	if os.Getenv("WRAPPED") != "" {
		served = wrapped(served)
	}
	return served
}

func passing(to string, paths []string, own http.Handler) http.Handler {
	there, err := url.Parse(to)
	check(err)
	proxy := httputil.NewSingleHostReverseProxy(there)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, path := range paths {
			if strings.HasPrefix(r.URL.Path, path) {
				proxy.ServeHTTP(w, r)
				return
			}
		}
		own.ServeHTTP(w, r)
	})
}

func wanting(login string, behind http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != login {
			w.Header().Set("WWW-Authenticate", `Basic realm="orders"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	})
}

// wrapped is what many a middleware does: the writer that it hands on has no Unwrap.
func wrapped(behind http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		behind.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

func duration(name string) time.Duration {
	if os.Getenv(name) == "" {
		return 0
	}
	given, err := time.ParseDuration(os.Getenv(name))
	check(err)
	return given
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// spin is busy about a third of the time, so that tests beside it get on.
func spin() {
	block := make([]byte, 16<<10)
	for {
		for range make([]struct{}, 100) {
			answers += checksum(block)
		}
		time.Sleep(2 * time.Millisecond)
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

func grow() {
	for {
		kept = append(kept, keep(16<<10))
		go forsaken(make(chan int))
		time.Sleep(5 * time.Millisecond)
	}
}

// keep is what a heap has to name.
//
//go:noinline
func keep(size int) []byte {
	return make([]byte, size)
}

// forsaken is what a profile of leaked goroutines has to name.
//
//go:noinline
func forsaken(never chan int) {
	<-never
}
