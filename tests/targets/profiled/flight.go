//go:build go1.25

package main

import (
	"net/http"
	"os"
	"runtime/trace"
	"time"
)

// init serves what a flight recorder holds, where FLIGHT names a path.
func init() {
	path := os.Getenv("FLIGHT")
	if path == "" {
		return
	}
	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: 5 * time.Second})
	check(recorder.Start())
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		_, _ = recorder.WriteTo(w)
	})
}
