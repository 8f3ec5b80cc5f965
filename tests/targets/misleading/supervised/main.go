//go:build real

// Supervised is a go-zero service that overseer restarts at SIGUSR2, its default. It is the supervised child that has
// the service's port; here it is the supervisor's number that counts, since both hold the same program.
package main

import (
	"fmt"
	"net/http"

	"github.com/jpillora/overseer"
	_ "github.com/zeromicro/go-zero/core/proc"
)

func main() {
	overseer.Run(overseer.Config{
		Address: "127.0.0.1:0",
		Program: func(state overseer.State) {
			fmt.Println("READY")
			_ = http.Serve(state.Listener, nil)
		},
	})
}
