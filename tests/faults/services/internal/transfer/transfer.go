// Package transfer moves money. The fault: settle takes the lock, and calls a method that takes it as well.
package transfer

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"shop.example/faults/internal/serve"
)

type bank struct {
	mu       sync.Mutex
	accounts map[string]int
	requests atomic.Int64
}

// Service settles after 200 requests.
func Service() serve.Service {
	b := &bank{accounts: map[string]int{}}
	return serve.Service{Handler: http.HandlerFunc(b.handle), Clients: "15", Pause: 5 * time.Millisecond}
}

func (b *bank) handle(w http.ResponseWriter, r *http.Request) {
	b.move(r.FormValue("n"), 1)
	if b.requests.Add(1) == 200 {
		b.settle()
	}
	fmt.Fprintln(w, b.total())
}

func (b *bank) move(account string, amount int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[account] += amount
}

func (b *bank) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.accounts)
}

func (b *bank) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for account := range b.accounts {
		b.move(account, -1)
	}
}
