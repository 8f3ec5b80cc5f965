// Package mailbox delivers notices. The fault: one courier cannot keep up, and the queue before it has no end.
package mailbox

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"shop.example/faults/internal/serve"
)

type notice struct {
	to   string
	body []byte
}

type queue struct {
	mu      sync.Mutex
	waiting []*notice
}

// Service queues a notice for every request, and delivers fifty a second.
func Service() serve.Service {
	q := &queue{}
	go q.deliver()
	return serve.Service{Handler: http.HandlerFunc(q.accept), Clients: "4", Pause: 2 * time.Millisecond}
}

func (q *queue) accept(w http.ResponseWriter, r *http.Request) {
	q.push(compose(r.FormValue("n")))
	w.WriteHeader(http.StatusAccepted)
}

func compose(to string) *notice {
	body := make([]byte, 0, 4096)
	for line := range 20 {
		body = fmt.Appendf(body, "%d. dear %s, your order is on its way\n", line, to)
	}
	return &notice{to, body}
}

func (q *queue) push(one *notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, one)
}

func (q *queue) deliver() {
	for range time.Tick(20 * time.Millisecond) {
		q.mu.Lock()
		if len(q.waiting) > 0 {
			q.waiting[0] = nil
			q.waiting = q.waiting[1:]
		}
		q.mu.Unlock()
	}
}
