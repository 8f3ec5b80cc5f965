// Package upstream asks another server. The fault: it makes a client for every request and never closes the body.
package upstream

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"shop.example/faults/internal/serve"
)

type gateway struct{ url string }

// Service passes requests on.
func Service() serve.Service {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%8000d", 1)
	}))
	g := &gateway{other.URL}
	return serve.Service{Handler: http.HandlerFunc(g.pass), Clients: "2", Pause: 30 * time.Millisecond}
}

func (g *gateway) pass(w http.ResponseWriter, _ *http.Request) {
	status, err := g.ask("/stock")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintln(w, status)
}

func (g *gateway) ask(path string) (string, error) {
	client := &http.Client{Transport: &http.Transport{}}
	answer, err := client.Get(g.url + path)
	if err != nil {
		return "", err
	}
	return answer.Status, nil
}
