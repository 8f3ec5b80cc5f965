// Package exports packs reports. The fault: a new compressor, nearly a megabyte of tables, for every small answer.
package exports

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"

	"shop.example/faults/internal/serve"
)

// Service packs a short report for every request.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(answer), Clients: "4"}
}

func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write(packed(report(r.FormValue("n"))))
}

func report(n string) []byte {
	return fmt.Appendf(nil, "order,%s\nstate,sent\n", n)
}

func packed(text []byte) []byte {
	var out bytes.Buffer
	to := gzip.NewWriter(&out)
	_, _ = to.Write(text)
	_ = to.Close()
	return out.Bytes()
}
