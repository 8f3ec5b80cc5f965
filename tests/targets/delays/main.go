// Delays waits at channels and locks, counts that, and keeps some memory. Then it writes the profiles of its own into the
// folder DIR, as heap, block and mutex, and does nothing any more.
//
//	UNMEASURED=1  counts every event of mutexes only, and writes nothing: so it never measures the processor's clock
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var kept [][]byte

func main() {
	runtime.SetMutexProfileFraction(1)
	if os.Getenv("UNMEASURED") == "" {
		runtime.SetBlockProfileRate(1000)
	}
	keep(1000)
	for i := 0; i < 5; i++ {
		pass()
		contend(wait{})
	}
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	if os.Getenv("UNMEASURED") == "" {
		for _, name := range []string{"heap", "block", "mutex"} {
			write(name)
		}
	}
	fmt.Println("READY", os.Getpid())
	for {
		time.Sleep(time.Hour)
	}
}

func keep(objects int) {
	for i := 0; i < objects; i++ {
		kept = append(kept, make([]byte, 64<<10))
	}
}

// pass is inlined, and what it calls too.
func pass() {
	passed := make(chan int)
	go func() {
		time.Sleep(3 * time.Millisecond)
		send(passed)
	}()
	<-passed
}

func send(to chan int) { to <- 1 }

type waiter interface{ hold(lock *sync.Mutex) }

type wait struct{}

func (wait) hold(lock *sync.Mutex) {
	lock.Lock()
	time.Sleep(2 * time.Millisecond)
	lock.Unlock()
}

// contend calls hold through the wrapper that an interface has.
func contend(who waiter) {
	var lock sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < 3; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			who.hold(&lock)
		}()
	}
	all.Wait()
}

func write(name string) {
	file, err := os.Create(filepath.Join(os.Getenv("DIR"), name))
	check(err)
	check(pprof.Lookup(name).WriteTo(file, 0))
	check(file.Close())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
