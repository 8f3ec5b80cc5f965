// Orders is the go-zero service of deploy/compose.yaml. GET :8888/hot?for=5m keeps a core busy for so long.
package main

import (
	"net/http"
	"time"

	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/rest"
)

// The DevServer has /metrics, which Prometheus scrapes.
const configuration = `
Name: orders
Host: 0.0.0.0
Port: 8888
DevServer: {Enabled: true, Host: 0.0.0.0, Port: 6060}
Log: {Stat: false}
`

func main() {
	var c rest.RestConf
	logx.Must(conf.LoadFromYamlBytes([]byte(configuration), &c))
	server := rest.MustNewServer(c)
	defer server.Stop()
	server.AddRoute(rest.Route{Method: http.MethodGet, Path: "/hot", Handler: hot})
	server.Start()
}

func hot(w http.ResponseWriter, r *http.Request) {
	length, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil {
		length = 5 * time.Minute
	}
	go priceAll(time.Now().Add(length))
	w.WriteHeader(http.StatusAccepted)
}

// priceAll is what the profile shows.
func priceAll(until time.Time) uint64 {
	var sum uint64
	for time.Now().Before(until) {
		for n := uint64(0); n < 1_000_000; n++ {
			sum = sum*31 + n
		}
	}
	return sum
}
