// Package workers is a healthy service: many goroutines that wait for work, and a queue that is never long.
package workers

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"shop.example/faults/internal/serve"
)

type job struct {
	n    uint64
	done chan [32]byte
}

type server struct {
	jobs    chan job
	checked atomic.Int64
}

// Service hands each request to one of 300 workers.
func Service() serve.Service {
	s := &server{jobs: make(chan job)}
	for range 300 {
		go s.work()
	}
	go s.tick()
	return serve.Service{Handler: http.HandlerFunc(s.sign), Clients: "10"}
}

func (s *server) sign(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	one := job{uint64(len(r.URL.RawQuery)), make(chan [32]byte, 1)}
	select {
	case s.jobs <- one:
	case <-ctx.Done():
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "%x", <-one.done)
}

func (s *server) work() {
	for one := range s.jobs {
		one.done <- digest(one.n)
		s.checked.Add(1)
	}
}

func digest(n uint64) (sum [32]byte) {
	for i := range uint64(150) {
		sum = sha256.Sum256(binary.BigEndian.AppendUint64(sum[:], n+i))
	}
	return sum
}

func (s *server) tick() {
	for range time.Tick(50 * time.Millisecond) {
		s.checked.Add(0)
	}
}
