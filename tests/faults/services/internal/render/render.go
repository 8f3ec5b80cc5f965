// Package render makes tables. The fault: it appends every cell to one string.
package render

import (
	"net/http"
	"strconv"
	"time"

	"shop.example/faults/internal/serve"
)

// Service renders a table of 1500 cells.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(table), Clients: "3", Pause: 2 * time.Millisecond}
}

func table(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(rows(300, r.FormValue("n"))))
}

func rows(n int, name string) string {
	html := "<table>"
	for i := range n {
		html = row(html, i, name)
	}
	return html + "</table>"
}

func row(html string, i int, name string) string {
	html += "<tr>"
	for column := range 5 {
		html += "<td>" + name + " " + strconv.Itoa(i*column) + "</td>"
	}
	return html + "</tr>"
}
