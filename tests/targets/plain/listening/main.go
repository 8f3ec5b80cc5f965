// Listening is a Go program without go-zero that means something of its own by SIGUSR2: it must never get ours.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	fmt.Println("READY", os.Getpid())
	for range signals {
		note("usr2")
	}
}

func note(event string) {
	file, err := os.OpenFile(os.Getenv("STANDIN_EVENTS"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintf(file, "%d %s\n", time.Now().UnixMilli(), event)
}
