// Package notify asks two sources. The fault: the slower one's goroutine waits for a reader that has left.
package notify

import (
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

// Service answers with the first price that comes.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(price), Clients: "4", Pause: 10 * time.Millisecond}
}

func price(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, first(r.FormValue("n"), "warehouse", "supplier"))
}

func first(key string, sources ...string) string {
	answers := make(chan string)
	for i, source := range sources {
		go ask(source, key, time.Duration(i+1)*2*time.Millisecond, answers)
	}
	return <-answers
}

func ask(source, key string, delay time.Duration, answers chan<- string) {
	time.Sleep(delay)
	report(answers, source+": "+key)
}

func report(answers chan<- string, text string) { answers <- text }
