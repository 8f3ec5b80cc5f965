package proc

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

var events = openEvents()

func openEvents() *os.File {
	file, err := os.OpenFile(os.Getenv("STANDIN_EVENTS"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil
	}
	return file
}

// note writes what really happened, with unix milliseconds: the tests' only source of truth about signals.
func note(event string) {
	if events != nil {
		fmt.Fprintf(events, "%d %s\n", time.Now().UnixMilli(), event)
	}
}

func milliseconds(variable string) time.Duration {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return time.Duration(n) * time.Millisecond
}
