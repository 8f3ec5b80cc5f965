// Command faults runs one small service with one known fault, or a healthy one, under load.
//
//	PORT=8080 faults NAME
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"shop.example/faults/internal/serve"
)

var services = map[string]func() serve.Service{}

func main() {
	if len(os.Args) == 6 && os.Args[1] == "drive" {
		drive(os.Args[2:])
		return
	}
	if len(os.Args) != 2 || services[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: PORT=8080 faults NAME")
		os.Exit(2)
	}
	serve.Run("127.0.0.1:"+os.Getenv("PORT"), services[os.Args[1]]())
}

// drive sends requests to a URL until standard input ends.
func drive(args []string) {
	clients, _ := strconv.Atoi(args[1])
	pause, _ := time.ParseDuration(args[2])
	timeout, _ := time.ParseDuration(args[3])
	client := &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: clients},
	}
	for i := range clients {
		go func() {
			for n := i; ; n += clients {
				answer, err := client.Get(args[0] + "?n=" + strconv.Itoa(n))
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				time.Sleep(pause)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
