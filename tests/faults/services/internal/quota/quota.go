// Package quota counts requests. The fault: when a quota is used up, it returns without giving the lock back.
package quota

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"shop.example/faults/internal/serve"
)

type limiter struct {
	mu   sync.Mutex
	used map[string]int
}

// Service allows each user 40 requests.
func Service() serve.Service {
	l := &limiter{used: map[string]int{}}
	return serve.Service{Handler: http.HandlerFunc(l.handle), Clients: "20", Pause: 5 * time.Millisecond}
}

func (l *limiter) handle(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("n")
	if !l.allow(user[len(user)-1:]) {
		http.Error(w, "too many", http.StatusTooManyRequests)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (l *limiter) allow(user string) bool {
	l.mu.Lock()
	if l.used[user] >= 40 {
		return false
	}
	l.used[user]++
	l.mu.Unlock()
	return true
}
