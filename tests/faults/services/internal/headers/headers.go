// Package headers keeps the first line of uploads. The fault: the line is a part of the whole upload, which stays.
package headers

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"time"

	"shop.example/faults/internal/serve"
)

type archive struct {
	mu    sync.Mutex
	lines [][]byte
}

// Service reads an upload and remembers its title.
func Service() serve.Service {
	a := &archive{}
	return serve.Service{Handler: http.HandlerFunc(a.upload), Clients: "2", Pause: 20 * time.Millisecond}
}

func (a *archive) upload(w http.ResponseWriter, r *http.Request) {
	body := receive(r.FormValue("n"))
	a.remember(title(body))
	fmt.Fprintln(w, len(body))
}

func receive(name string) []byte {
	body := make([]byte, 0, 64<<10)
	body = fmt.Appendf(body, "title %s\n", name)
	return body[:cap(body)]
}

func title(body []byte) []byte { return body[:bytes.IndexByte(body, '\n')] }

func (a *archive) remember(line []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, line)
}
