// Package compare looks for changed settings. The fault: it compares everything with reflect.DeepEqual.
package compare

import (
	"fmt"
	"net/http"
	"reflect"
	"time"

	"shop.example/faults/internal/serve"
)

type setting struct {
	Name   string
	Values []int
	Tags   map[string]string
}

type state struct{ old, new []setting }

// Service counts what has changed.
func Service() serve.Service {
	s := &state{settings(), settings()}
	return serve.Service{Handler: http.HandlerFunc(s.changes), Clients: "3", Pause: time.Millisecond}
}

func settings() []setting {
	var all []setting
	for i := range 200 {
		all = append(all, setting{fmt.Sprint("s", i), []int{i, i + 1, i + 2}, map[string]string{"a": "b", "c": "d"}})
	}
	return all
}

func (s *state) changes(w http.ResponseWriter, _ *http.Request) {
	n := 0
	for i := range s.old {
		if changed(s.old[i], s.new[i]) {
			n++
		}
	}
	fmt.Fprintln(w, n)
}

func changed(a, b setting) bool { return !equal(a, b) }

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
