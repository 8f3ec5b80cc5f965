// Package serve is how the services listen, log and are driven: they share it as services share a framework.
package serve

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/exec"
	"time"
)

// Service is one service: what it answers, how many clients it has, and how long each waits between requests.
type Service struct {
	Handler http.Handler
	Clients string
	Pause   time.Duration
	Timeout time.Duration
}

// Run listens on addr, under requests of a process of its own, which ends when this one does.
func Run(addr string, s Service) {
	http.Handle("/", s.Handler)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	if s.Clients != "" {
		go drive(addr, s)
	}
	fmt.Println("READY")
	select {}
}

func drive(addr string, s Service) {
	me, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	child := exec.Command(me, "drive", "http://"+addr+"/work", s.Clients, s.Pause.String(), timeout.String())
	in, err := child.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	_ = child.Wait()
	_ = in.Close()
}
