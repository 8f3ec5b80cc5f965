// Package keys counts visits. The fault: it makes the key of a map with fmt, in the innermost loop.
package keys

import (
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

// Service counts 2000 visits for every request.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(count), Clients: "3", Pause: 2 * time.Millisecond}
}

func count(w http.ResponseWriter, _ *http.Request) {
	seen := map[string]int{}
	for day := range 20 {
		for hour := range 100 {
			seen[key(day, hour%24)]++
		}
	}
	fmt.Fprintln(w, len(seen))
}

func key(day, hour int) string { return fmt.Sprintf("%04d-%02d", day, hour) }
