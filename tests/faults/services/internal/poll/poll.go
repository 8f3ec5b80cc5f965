// Package poll waits for events. The fault: the select has a default, so it never waits.
package poll

import (
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

type bus struct {
	events chan string
	stop   chan struct{}
	seen   int
}

// Service sends an event for every request.
func Service() serve.Service {
	b := &bus{events: make(chan string, 16), stop: make(chan struct{})}
	go b.run()
	return serve.Service{Handler: http.HandlerFunc(b.publish), Clients: "2", Pause: 20 * time.Millisecond}
}

func (b *bus) publish(w http.ResponseWriter, r *http.Request) {
	b.events <- r.FormValue("n")
	fmt.Fprintln(w, "sent")
}

func (b *bus) run() {
	for b.step() {
	}
}

func (b *bus) step() bool {
	select {
	case event := <-b.events:
		b.seen += len(event)
	case <-b.stop:
		return false
	default:
	}
	return true
}
