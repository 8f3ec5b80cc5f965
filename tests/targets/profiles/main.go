// Writes one profile of every kind, as Go writes them, into the directory that is its argument.
package main

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"time"
)

var into string

func create(name string) *os.File {
	file, err := os.Create(filepath.Join(into, name))
	if err != nil {
		panic(err)
	}
	return file
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func lookup(profile, name string, debug int) {
	file := create(name)
	must(pprof.Lookup(profile).WriteTo(file, debug))
	must(file.Close())
}

func cpu(name string, work func()) {
	file := create(name)
	must(pprof.StartCPUProfile(file))
	work()
	pprof.StopCPUProfile()
	must(file.Close())
}

func main() {
	into = os.Args[1]
	runtime.MemProfileRate = 4096
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)

	recorded := create("trace.trace")
	must(trace.Start(recorded))
	contend(10)
	trace.Stop()
	must(recorded.Close())

	cpu("idle.pprof", func() {})
	cpu("cpu.pprof", func() { hotLoop(time.Now().Add(1500 * time.Millisecond)) })
	kept := keep()
	runtime.GC()
	lookup("heap", "heap.pprof", 0)
	lookup("allocs", "allocs.pprof", 0)
	lookup("mutex", "mutex.pprof", 0)
	lookup("block", "block.pprof", 0)
	lookup("threadcreate", "threadcreate.pprof", 0)
	lookup("goroutine", "goroutine.pprof", 0)
	lookup("goroutine", "goroutine-1.txt", 1)
	lookup("goroutine", "goroutine-2.txt", 2)
	runtime.KeepAlive(kept)
}
