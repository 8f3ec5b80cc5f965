// Package prof stands in for sponge's package of the same import path: the same function in the function table, the
// same files and the same end after a minute, written anew on the standard library alone. The real one (v1.16.1) was run
// beside it by hand; nothing here is taken from it.
//
//	STANDIN_PROFILE_SECONDS  instead of the minute        STANDIN_EVENTS  where every start and stop is noted
package prof

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"
)

// Profile is one recording after the other.
type Profile struct {
	lock  sync.Mutex
	ends  []func() // of the recording that is on
	timer *time.Timer
}

func NewProfile() *Profile {
	return &Profile{}
}

// StartOrStop begins a recording, which ends after a minute, or ends the one that is on.
func (p *Profile) StartOrStop() {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.ends != nil {
		p.stop()
		return
	}
	cpu := create("cpu")
	_ = pprof.StartCPUProfile(cpu)
	p.ends = append(p.ends, func() {
		pprof.StopCPUProfile()
		cpu.Close()
	})
	p.snapshot("mem", "heap", 0)
	p.snapshot("goroutine", "goroutine", 2)
	p.snapshot("block", "block", 0)
	p.snapshot("mutex", "mutex", 0)
	p.snapshot("threadcreate", "threadcreate", 0)
	note("start")
	var mine *time.Timer
	mine = time.AfterFunc(length(), func() {
		p.lock.Lock()
		defer p.lock.Unlock()
		if p.timer == mine {
			p.stop()
		}
	})
	p.timer = mine
}

// snapshot opens the file now and writes the profile into it at the end.
func (p *Profile) snapshot(kind, profile string, debug int) {
	file := create(kind)
	p.ends = append(p.ends, func() {
		_ = pprof.Lookup(profile).WriteTo(file, debug)
		file.Close()
	})
}

func (p *Profile) stop() {
	p.timer.Stop()
	for _, end := range p.ends {
		end()
	}
	p.ends, p.timer = nil, nil
	note("stop")
}

func create(kind string) *os.File {
	service := filepath.Base(os.Args[0])
	folder := filepath.Join(os.TempDir(), service+"_profile")
	_ = os.MkdirAll(folder, 0o766)
	name := fmt.Sprintf("%s_%d_%s_%s.out", time.Now().Format("20060102T150405"), os.Getpid(), service, kind)
	file, _ := os.Create(filepath.Join(folder, name))
	return file
}

func length() time.Duration {
	if seconds, err := strconv.ParseFloat(os.Getenv("STANDIN_PROFILE_SECONDS"), 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	return time.Minute
}

func note(event string) {
	file, err := os.OpenFile(os.Getenv("STANDIN_EVENTS"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintf(file, "%d %s\n", time.Now().UnixMilli(), event)
}
