//go:build !timed

package proc

var current Stopper

// onProfileSignal: the first signal starts, the next one stops.
func onProfileSignal() {
	if current == nil {
		current = StartProfile()
		return
	}
	current.Stop()
	current = nil
}
