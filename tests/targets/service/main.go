// Orders is the service that gets hot. One program for every go-zero: the module file given to `go build -modfile`
// says which one it stands on (go.mod and timed.mod: the stand-in; real-*.mod with the tag "real": go-zero itself).
//
//	PORT  the port on 127.0.0.1, or LISTEN (stand-in only)        HOT=1  warm from the start: busy a third of the time
//	BALLAST  MiB that it holds in memory
package main

import (
	"net/http"
	"os"
	"strconv"
	"time"
)

const forever = 24 * time.Hour

func main() {
	if os.Getenv("HOT") != "" {
		heat(forever, 2*time.Millisecond)
	}
	if mib, err := strconv.Atoi(os.Getenv("BALLAST")); err == nil {
		hold(mib << 20)
	}
	serve(os.Getenv("PORT"), map[string]http.HandlerFunc{"/hot": hot, "/calm": calm, "/metrics": metrics, "/tmpdir": setTmpdir})
}

// hot answers GET /hot?seconds=N: busy for N seconds, or until /calm.
func hot(w http.ResponseWriter, r *http.Request) {
	length, err := time.ParseDuration(r.URL.Query().Get("seconds") + "s")
	if err != nil {
		length = forever
	}
	heat(length, 0)
	w.WriteHeader(http.StatusNoContent)
}

func calm(w http.ResponseWriter, _ *http.Request) {
	cool()
	w.WriteHeader(http.StatusNoContent)
}

// setTmpdir answers GET /tmpdir?to=DIRECTORY: from now on its files go there, which its environment does not show.
func setTmpdir(w http.ResponseWriter, r *http.Request) {
	os.Setenv("TMPDIR", r.URL.Query().Get("to"))
	w.WriteHeader(http.StatusNoContent)
}

var ballast []byte

// hold writes to every page: only then is it in memory.
func hold(size int) {
	ballast = make([]byte, size)
	for at := 0; at < size; at += 4096 {
		ballast[at] = 1
	}
}
