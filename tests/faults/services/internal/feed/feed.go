// Package feed refreshes items. The fault: every visit begins a ticker that is never stopped.
package feed

import (
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

type item struct {
	name string
	hits int
}

// Service refreshes what was visited, for ever.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(visit), Clients: "3", Pause: 10 * time.Millisecond}
}

func visit(w http.ResponseWriter, r *http.Request) {
	one := &item{name: r.FormValue("n")}
	keepFresh(one)
	fmt.Fprintln(w, one.name)
}

func keepFresh(one *item) {
	ticks := time.NewTicker(40 * time.Millisecond)
	go func() {
		for range ticks.C {
			one.refresh()
		}
	}()
}

func (i *item) refresh() { i.hits++ }
