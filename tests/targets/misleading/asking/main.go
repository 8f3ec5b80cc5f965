// Asking holds go-zero and asks for signals of its own, in the way that its first argument says.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	_ "github.com/zeromicro/go-zero/core/proc"
)

var ways = map[string]func(){
	"ends":      func() { on(end, syscall.SIGUSR2) },
	"ends-usr1": func() { on(end, syscall.SIGUSR1) },
	"ends-all":  func() { on(end) },
	"ends-too":  func() { look(); on(end) },
	"executes":  func() { on(again, syscall.SIGUSR2) },
	"succeeded": func() { on(successor, syscall.SIGUSR2) },
	"computed":  func() { n, _ := strconv.Atoi(os.Args[2]); on(end, syscall.Signal(n)) },
	"context":   func() { inContext(syscall.SIGTERM, syscall.SIGUSR2) },
	"several":   func() { on(nothing, syscall.SIGUSR2); on(nothing, syscall.SIGUSR2) },
	"late":      func() { go late() },
	"touchy":    func() { go touchy() },
	"renewed":   func() { go renewed() },
	"usual":     func() { on(end, os.Interrupt, syscall.SIGTERM) },
	"filled":    func() { fill(); on(end, os.Interrupt, syscall.SIGTERM) },
	"usual-too": func() { inContext(os.Interrupt, syscall.SIGTERM) },
}

func main() {
	ways[os.Args[1]]()
	fmt.Println("READY")
	time.Sleep(24 * time.Hour)
}

func on(act func(), signals ...os.Signal) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		for range received {
			act()
		}
	}()
}

func inContext(signals ...os.Signal) {
	ctx, _ := signal.NotifyContext(context.Background(), signals...)
	go func() {
		<-ctx.Done()
		end()
	}()
}

var variables [2 << 20]uint64

// fill leaves no zero in 16 MiB of its variables.
func fill() {
	for i := range variables {
		variables[i] = uint64(i)*0x9E3779B97F4A7C15 | 1
	}
}

var alike struct {
	nothing, much uint64
	counts        [63]uint64
}

// look makes some of its variables look as those that count who asks for signals.
func look() {
	alike.much = 1 << 52
	for i := range alike.counts {
		alike.counts[i] = 1
	}
}

func nothing() {}

func end() { os.Exit(0) }

// again becomes a new program of the same number.
func again() { _ = syscall.Exec("/proc/self/exe", os.Args, os.Environ()) }

// successor hands over to a child and ends.
func successor() {
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Stdout = os.Stdout
	_ = child.Start()
	end()
}

// late asks only once a file called "ask" lies in its TMPDIR.
func late() {
	await(func() bool { _, err := os.Stat(filepath.Join(os.TempDir(), "ask")); return err == nil })
	on(end, syscall.SIGUSR2)
	_ = os.WriteFile(filepath.Join(os.TempDir(), "asked"), nil, 0o600)
}

// touchy ends as soon as a profile appears, and renewed becomes a new program: nothing shows it beforehand.
func touchy() { await(profiled); end() }

func renewed() {
	await(profiled)
	_ = syscall.Exec("/proc/self/exe", []string{os.Args[0], "usual"}, os.Environ())
}

func profiled() bool {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("*-%d-threadcreate-*.pprof", os.Getpid())))
	return len(found) > 0
}

func await(condition func() bool) {
	for !condition() {
		time.Sleep(10 * time.Millisecond)
	}
}
