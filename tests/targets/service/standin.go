//go:build !real

package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	_ "github.com/zeromicro/go-zero/core/proc"
)

var born = time.Now()

func serve(port string, routes map[string]http.HandlerFunc) {
	host := os.Getenv("LISTEN")
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		log.Fatal(err)
	}
	for path, handler := range routes {
		http.HandleFunc(path, handler)
	}
	fmt.Println("READY", os.Getpid(), listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// metrics writes the three that the alert rules read, by hand: the client library would need the module proxy.
func metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	sample(w, "process_cpu_seconds_total", "counter", cpuSeconds())
	sample(w, "process_resident_memory_bytes", "gauge", residentBytes())
	sample(w, "process_start_time_seconds", "gauge", float64(born.UnixMilli())/1000)
}

func sample(w http.ResponseWriter, name, kind string, value float64) {
	fmt.Fprintf(w, "# TYPE %s %s\n%s %g\n", name, kind, name, value)
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func residentBytes() float64 {
	var size, resident int
	statm, _ := os.ReadFile("/proc/self/statm")
	_, _ = fmt.Fscan(strings.NewReader(string(statm)), &size, &resident)
	return float64(resident * os.Getpagesize())
}
