// Package sessions remembers visitors. The fault: nothing is ever taken out of the map.
package sessions

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"shop.example/faults/internal/serve"
)

type session struct {
	user    string
	history []byte
	since   time.Time
}

type store struct {
	mu  sync.Mutex
	all map[string]*session
}

// Service begins a session for every visit, and renders a page.
func Service() serve.Service {
	s := &store{all: map[string]*session{}}
	return serve.Service{Handler: http.HandlerFunc(s.visit), Clients: "4", Pause: 3 * time.Millisecond}
}

func (s *store) visit(w http.ResponseWriter, r *http.Request) {
	one := s.begin(r.FormValue("n"))
	page(w, one)
}

func (s *store) begin(user string) *session {
	one := newSession(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[fmt.Sprintf("%s-%d", user, time.Now().UnixNano())] = one
	return one
}

func newSession(user string) *session {
	return &session{user: user, history: make([]byte, 2048), since: time.Now()}
}

func page(w http.ResponseWriter, one *session) {
	var body []byte
	for i := range 50 {
		body = append(body, render(i, one.user)...)
	}
	_, _ = w.Write(body)
}

func render(i int, user string) []byte {
	return fmt.Appendf(nil, "<p>%d: hello %s, %200d</p>", i, user, i)
}
