//go:build timed

package proc

import (
	"os"
	"strconv"
	"time"
)

// onProfileSignal: one signal starts, and the recording stops itself after exactly a minute.
func onProfileSignal() {
	profiler := StartProfile()
	time.AfterFunc(length(), profiler.Stop)
}

func length() time.Duration {
	if seconds, err := strconv.ParseFloat(os.Getenv("STANDIN_PROFILE_SECONDS"), 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	return time.Minute
}
