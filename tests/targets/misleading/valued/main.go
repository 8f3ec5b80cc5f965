// Valued takes the end of a recording as a value, in a branch that never runs: its function table then looks like that
// of a go-zero whose recordings end by themselves.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zeromicro/go-zero/core/proc"
)

func main() {
	if os.Getenv("NEVER") != "" {
		profile := proc.StartProfile()
		time.AfterFunc(time.Minute, profile.Stop)
	}
	fmt.Println("READY")
	for {
		time.Sleep(10 * time.Millisecond)
		if _, err := os.Stat(filepath.Join(os.TempDir(), "ask")); err == nil {
			end()
		}
	}
}

// end takes the next SIGUSR2 for its end, once a file called "ask" lies in its TMPDIR.
func end() {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGUSR2)
	_ = os.WriteFile(filepath.Join(os.TempDir(), "asked"), nil, 0o600)
	<-received
	os.Exit(0)
}
