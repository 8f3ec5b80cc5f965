// Package audit writes a trail. The fault: it writes field by field, without a buffer.
package audit

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"shop.example/faults/internal/serve"
)

type trail struct{ file *os.File }

// Service notes every request in a file.
func Service() serve.Service {
	file, err := os.CreateTemp("", "audit-*")
	if err != nil {
		panic(err)
	}
	_ = os.Remove(file.Name())
	t := &trail{file}
	return serve.Service{Handler: http.HandlerFunc(t.handle), Clients: "3", Pause: time.Millisecond}
}

func (t *trail) handle(w http.ResponseWriter, r *http.Request) {
	for i := range 60 {
		t.note("user", r.FormValue("n"))
		t.note("step", fmt.Sprint(i))
	}
	if at, _ := t.file.Seek(0, 1); at > 1<<20 {
		_ = t.file.Truncate(0)
		_, _ = t.file.Seek(0, 0)
	}
	fmt.Fprintln(w, "ok")
}

func (t *trail) note(key, value string) {
	for _, part := range []string{key, "=", value, ";"} {
		t.put(part)
	}
}

func (t *trail) put(part string) { _, _ = t.file.WriteString(part) }
