// Package chatty imports rows. The fault: it logs every row with all its fields.
package chatty

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

type row struct {
	id    int
	name  string
	price float64
}

type importer struct{ log *slog.Logger }

// Service imports 300 rows for every request.
func Service() serve.Service {
	i := &importer{slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{AddSource: true}))}
	return serve.Service{Handler: http.HandlerFunc(i.load), Clients: "3", Pause: 2 * time.Millisecond}
}

func (i *importer) load(w http.ResponseWriter, r *http.Request) {
	sum := 0.0
	for n := range 300 {
		sum += i.take(row{n, r.FormValue("n"), float64(n) / 3})
	}
	fmt.Fprintln(w, sum)
}

func (i *importer) take(r row) float64 {
	i.trace("row", r)
	return r.price
}

func (i *importer) trace(what string, r row) {
	i.log.Info(what, "id", r.id, "name", r.name, "price", r.price, "time", time.Now())
}
