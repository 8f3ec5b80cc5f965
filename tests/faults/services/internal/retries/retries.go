// Package retries waits for a queue with a limit. The fault: it makes a timer of an hour for every value.
package retries

import (
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

type queue struct {
	values chan int
	sum    int
}

// Service has a producer and a consumer.
func Service() serve.Service {
	q := &queue{values: make(chan int, 128)}
	go q.produce()
	go q.consume()
	return serve.Service{Handler: http.HandlerFunc(q.show), Clients: "1", Pause: 20 * time.Millisecond}
}

func (q *queue) show(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, len(q.values)) }

func (q *queue) produce() {
	for i := 0; ; i++ {
		q.values <- i
		if i%20000 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (q *queue) consume() {
	for {
		value, ok := q.next(time.Hour)
		if !ok {
			return
		}
		q.sum += value
	}
}

func (q *queue) next(limit time.Duration) (int, bool) {
	select {
	case value := <-q.values:
		return value, true
	case <-time.After(limit):
		return 0, false
	}
}
