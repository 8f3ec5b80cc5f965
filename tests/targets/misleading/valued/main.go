// Valued takes the end of a recording as a value, in a branch that never runs: its function table then looks like that
// of a go-zero whose recordings end by themselves.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/zeromicro/go-zero/core/proc"
)

func main() {
	if os.Getenv("NEVER") != "" {
		profile := proc.StartProfile()
		time.AfterFunc(time.Minute, profile.Stop)
	}
	fmt.Println("READY")
	time.Sleep(24 * time.Hour)
}
