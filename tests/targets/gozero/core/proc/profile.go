// Package proc stands in for go-zero's package of the same import path: the same names in the function table, the
// same signals, files and descriptors, written anew on the standard library alone so that no module proxy is needed.
// With the build tag "timed" it behaves as v1.6.1 and later do, without it as everything up to v1.6.0 does.
package proc

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"path"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync/atomic"
	"syscall"
	"time"
)

const stamp = "0102150405"

// Stopper ends a recording. The timed kind takes its method as a value, which is what "Stopper.Stop-fm" in the
// function table comes from.
type Stopper interface {
	Stop()
}

type nothing struct{}

func (nothing) Stop() {}

var recording atomic.Bool

// session is one recording: what to do at its end, in the order the files were opened.
type session struct {
	ends    []func()
	stopped atomic.Bool
}

// StartProfile opens the six files and begins to record, unless a recording is under way.
func StartProfile() Stopper {
	if !recording.CompareAndSwap(false, true) {
		log.Print("profile: Start() already called")
		note("refused")
		return nothing{}
	}
	note("start")
	time.Sleep(milliseconds("STANDIN_START_DELAY_MS"))

	s := &session{}
	s.cpu()
	s.snapshot("mem", "heap", memoryRate)
	s.snapshot("mutex", "mutex", mutexFraction)
	s.snapshot("block", "block", blockRate)
	s.trace()
	s.snapshot("threadcreate", "threadcreate", func() func() { return func() {} })
	go s.stopOnInterrupt()
	return s
}

func (s *session) Stop() {
	if !s.stopped.CompareAndSwap(false, true) {
		return
	}
	for _, end := range s.ends {
		end()
	}
	recording.Store(false)
	note("stop")
}

func (s *session) cpu() {
	file := create("cpu")
	if file == nil {
		return
	}
	_ = pprof.StartCPUProfile(file)
	s.ends = append(s.ends, func() {
		time.Sleep(milliseconds("STANDIN_END_DELAY_MS"))
		pprof.StopCPUProfile()
		file.Close()
		time.Sleep(milliseconds("STANDIN_STOP_DELAY_MS"))
	})
}

// snapshot opens the file now and writes the profile into it at the end.
func (s *session) snapshot(kind, profile string, raise func() (lower func())) {
	file := create(kind)
	if file == nil {
		return
	}
	lower := raise()
	s.ends = append(s.ends, func() {
		_ = pprof.Lookup(profile).WriteTo(file, 0)
		file.Close()
		lower()
	})
}

// trace never closes its file, as go-zero never does: the descriptor stays until a garbage collection finds it.
func (s *session) trace() {
	file := create("trace")
	if file == nil || trace.Start(file) != nil {
		return
	}
	s.ends = append(s.ends, trace.Stop)
}

// stopOnInterrupt outlives its session, as go-zero's does: after any recording SIGINT ends the process at once.
func (s *session) stopOnInterrupt() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	<-interrupts
	s.Stop()
	signal.Reset()
	_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
}

func memoryRate() func() {
	before := runtime.MemProfileRate
	runtime.MemProfileRate = 4096
	return func() { runtime.MemProfileRate = before }
}

func mutexFraction() func() {
	runtime.SetMutexProfileFraction(1)
	return func() { runtime.SetMutexProfileFraction(0) }
}

func blockRate() func() {
	runtime.SetBlockProfileRate(1)
	return func() { runtime.SetBlockProfileRate(0) }
}

func create(kind string) *os.File {
	file, err := os.Create(name(kind, "pprof"))
	if err != nil {
		log.Printf("profile: could not create %s profile: %v", kind, err)
		return nil
	}
	return file
}

func name(kind, suffix string) string {
	base := fmt.Sprintf("%s-%d-%s-%s.%s", path.Base(os.Args[0]), os.Getpid(), kind, time.Now().Format(stamp), suffix)
	return path.Join(os.TempDir(), base)
}
