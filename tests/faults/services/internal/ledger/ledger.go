// Package ledger books payments. The fault: it writes its journal while it holds the lock that all requests need.
package ledger

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"shop.example/faults/internal/serve"
)

type book struct {
	mu       sync.RWMutex
	balances map[string]int
	pending  []string
}

// Service books on every request, and flushes now and then.
func Service() serve.Service {
	b := &book{balances: map[string]int{}}
	go b.keep()
	return serve.Service{Handler: http.HandlerFunc(b.pay), Clients: "40", Pause: 2 * time.Millisecond}
}

func (b *book) pay(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("n")
	b.add(user, 1)
	fmt.Fprintln(w, b.balance(user))
}

func (b *book) add(user string, amount int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.balances[user] += amount
	b.pending = append(b.pending, user)
}

func (b *book) balance(user string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.balances[user]
}

func (b *book) keep() {
	for {
		b.flush()
		time.Sleep(5 * time.Millisecond)
	}
}

func (b *book) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range 20 {
		writeJournal(b.pending)
	}
	b.pending = b.pending[:0]
}

func writeJournal(lines []string) { time.Sleep(10*time.Millisecond + time.Duration(len(lines))) }
