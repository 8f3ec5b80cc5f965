// Package await hands jobs to workers. The fault: a worker looks for its job in a loop that never pauses.
package await

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"shop.example/faults/internal/serve"
)

type worker struct {
	job  atomic.Int64
	done atomic.Int64
}

// Service gives each request to one worker.
func Service() serve.Service {
	w := &worker{}
	go w.run()
	return serve.Service{Handler: http.HandlerFunc(w.order), Clients: "2", Pause: 5 * time.Millisecond}
}

func (w *worker) order(out http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
	w.job.Store(n + 1)
	_, _ = out.Write([]byte(strconv.FormatInt(w.done.Load(), 10)))
}

func (w *worker) run() {
	for last := int64(0); ; {
		last = w.next(last)
		w.done.Add(1)
	}
}

func (w *worker) next(last int64) int64 {
	for {
		if job := w.job.Load(); job != last {
			return job
		}
	}
}
