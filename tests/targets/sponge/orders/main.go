// Orders is a hot service that stands on sponge: it asks for the signals that sponge's app.Run asks for.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-dev-frame/sponge/pkg/prof"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTRAP)
	profile := prof.NewProfile()
	go hotLoop()
	fmt.Println("READY", os.Getpid())
	for received := range signals {
		if received != syscall.SIGTRAP {
			return
		}
		profile.StartOrStop()
	}
}

var answer uint64

// hotLoop is what a profile of this service has to name.
//
//go:noinline
func hotLoop() {
	for n := uint64(0); ; n++ {
		answer = answer*31 + n
	}
}
