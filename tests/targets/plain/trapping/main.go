// Trapping is a Go program that profiles itself at SIGTRAP, of which Go programs die that do not ask for it.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTRAP, syscall.SIGTERM)
	fmt.Println("READY", os.Getpid())
	for one := range signals {
		if one == syscall.SIGTERM {
			return
		}
		profile()
	}
}

//go:noinline
func profile() {
	name := fmt.Sprintf("trapped-%d-%d.out", os.Getpid(), time.Now().UnixMilli())
	_ = os.WriteFile(filepath.Join(os.TempDir(), name), []byte("trapped"), 0o600)
}
