package proc

import (
	"log"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"
)

func init() {
	go listen()
}

// listen asks for exactly the four signals that go-zero asks for: the mask of the runtime's signal thread shows it.
func listen() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGINT)
	for received := range signals {
		switch received {
		case syscall.SIGUSR1:
			note("usr1")
			dumpGoroutines()
		case syscall.SIGUSR2:
			note("usr2")
			onProfileSignal()
		default:
			shutDown(signals, received.(syscall.Signal))
		}
	}
}

func dumpGoroutines() {
	file, err := os.Create(name("goroutines", "dump"))
	if err != nil {
		log.Printf("Failed to dump goroutine profile, error: %v", err)
		return
	}
	defer file.Close()
	_ = pprof.Lookup("goroutine").WriteTo(file, 2)
}

// shutDown listens no more, waits 5.5 seconds for the service's own listeners and dies of the signal, without
// finishing a recording.
func shutDown(signals chan os.Signal, received syscall.Signal) {
	signal.Stop(signals)
	note("term")
	wait := 5500 * time.Millisecond
	if os.Getenv("STANDIN_TERM_MS") != "" {
		wait = milliseconds("STANDIN_TERM_MS")
	}
	time.Sleep(wait)
	_ = syscall.Kill(os.Getpid(), received)
}
