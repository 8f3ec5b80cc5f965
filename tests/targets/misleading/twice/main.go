//go:build real

// Twice holds go-zero under both of its module paths, as programs do that were moved half way.
package main

import (
	"fmt"
	"time"

	_ "github.com/tal-tech/go-zero/core/proc"
	_ "github.com/zeromicro/go-zero/core/proc"
)

func main() {
	fmt.Println("READY")
	time.Sleep(24 * time.Hour)
}
