// Orders is the service that gets hot. One program for every go-zero: the module file given to `go build -modfile`
// says which one it stands on (go.mod and timed.mod: the stand-in; real-*.mod with the tag "real": go-zero itself).
//
//	PORT  the port on 127.0.0.1        HOT=1  hot from the start
package main

import (
	"net/http"
	"os"
	"time"
)

const forever = 24 * time.Hour

func main() {
	if os.Getenv("HOT") != "" {
		heat(forever)
	}
	serve(os.Getenv("PORT"), map[string]http.HandlerFunc{"/hot": hot, "/calm": calm, "/metrics": metrics})
}

// hot answers GET /hot?seconds=N: busy for N seconds, or until /calm.
func hot(w http.ResponseWriter, r *http.Request) {
	length, err := time.ParseDuration(r.URL.Query().Get("seconds") + "s")
	if err != nil {
		length = forever
	}
	heat(length)
	w.WriteHeader(http.StatusNoContent)
}

func calm(w http.ResponseWriter, _ *http.Request) {
	cool()
	w.WriteHeader(http.StatusNoContent)
}
