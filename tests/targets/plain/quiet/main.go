// Quiet is a Go program that asks for no signal at all. The runtime catches SIGUSR2 all the same, so nothing happens.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	fmt.Println("READY", os.Getpid())
	for {
		time.Sleep(time.Hour)
	}
}
