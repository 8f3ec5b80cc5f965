// Package garbage adds up orders. The fault: each row is split into new slices and thrown away.
package garbage

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"shop.example/faults/internal/serve"
)

type report struct {
	rows []string
	kept map[int][]byte
}

// Service totals all orders for every request.
func Service() serve.Service {
	r := &report{kept: map[int][]byte{}}
	for i := range 3000 {
		r.rows = append(r.rows, fmt.Sprintf("%d;customer %d;%d;EUR;open;2026-11-%02d", i, i%97, i*3, i%30))
		r.kept[i] = make([]byte, 2000)
	}
	return serve.Service{Handler: http.HandlerFunc(r.total), Clients: "3", Pause: time.Millisecond}
}

func (r *report) total(w http.ResponseWriter, _ *http.Request) {
	sums := map[string]int{}
	for _, row := range r.rows {
		fields := columns(row)
		sums[string(fields[1].text)] += len(fields[0].text)
	}
	fmt.Fprintln(w, len(sums))
}

type column struct {
	name string
	text []byte
	note *string
}

func columns(row string) []*column {
	var all []*column
	for i, text := range strings.Split(row, ";") {
		note := strings.Clone(row)
		buffer := make([]byte, 0, 256)
		all = append(all, &column{name: string(rune('a' + i)), text: append(buffer, text...), note: &note})
	}
	return all
}
