//go:build real

package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/rest"
)

// Shedding and time limits are off: a hot service has to go on answering its scrapes.
const configuration = "Name: orders\nHost: 127.0.0.1\nPort: %s\nTimeout: 0\nCpuThreshold: 0\nLog: {Stat: false}\n"

// DEVSERVER is the port on 127.0.0.1 of go-zero's DevServer, which has /debug/pprof; without it there is none.
const devServer = "DevServer: {Enabled: true, Host: 127.0.0.1, Port: %s}\n"

var metrics = promhttp.Handler().ServeHTTP

func serve(port string, routes map[string]http.HandlerFunc) {
	var c rest.RestConf
	text := fmt.Sprintf(configuration, port)
	if port := os.Getenv("DEVSERVER"); port != "" {
		text += fmt.Sprintf(devServer, port)
	}
	logx.Must(conf.LoadFromYamlBytes([]byte(text), &c))
	server := rest.MustNewServer(c)
	defer server.Stop()
	for path, handler := range routes {
		server.AddRoute(rest.Route{Method: http.MethodGet, Path: path, Handler: handler})
	}
	server.Start()
}
