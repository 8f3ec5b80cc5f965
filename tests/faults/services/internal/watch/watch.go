// Package watch follows prices. The fault: the context of a watcher is never cancelled.
package watch

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

// Service starts a watcher for every request.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(follow), Clients: "3", Pause: 15 * time.Millisecond}
}

func follow(w http.ResponseWriter, r *http.Request) {
	prices := subscribe(context.WithoutCancel(r.Context()), r.FormValue("n"))
	fmt.Fprintln(w, <-prices)
}

func subscribe(ctx context.Context, item string) <-chan int {
	ctx, cancel := context.WithCancel(ctx)
	_ = cancel
	prices := make(chan int, 1)
	go pump(ctx, item, prices)
	return prices
}

func pump(ctx context.Context, item string, prices chan<- int) {
	prices <- len(item)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}
