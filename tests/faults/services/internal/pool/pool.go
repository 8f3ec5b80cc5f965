// Package pool reads records. The fault: a connection is not given back when a record is missing.
package pool

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
	"third.example/kv"
)

type repository struct{ conns *kv.Pool }

// Service reads one record for every request.
func Service() serve.Service {
	r := &repository{kv.NewPool(20)}
	return serve.Service{Handler: http.HandlerFunc(r.show), Clients: "30", Pause: 5 * time.Millisecond}
}

func (r *repository) show(w http.ResponseWriter, req *http.Request) {
	text, err := r.record(req.Context(), req.FormValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	fmt.Fprintln(w, text)
}

func (r *repository) record(ctx context.Context, key string) (string, error) {
	conn, err := r.conns.Get(ctx)
	if err != nil {
		return "", err
	}
	text, err := conn.Load(key)
	if err != nil {
		return "", err
	}
	r.conns.Put(conn)
	return text, nil
}
