// Calm is a service under a steady load that is its own: requests arrive at random, and each kind of them takes its own
// path through the program. It records its own profiles one after another, as many and as long as it is told:
//
//	calm -dir DIR -n 15 -seconds 10 [-slow] [-heap]
//
// -slow makes one function, main.price, twice as slow and changes nothing else.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

var (
	slow  = flag.Bool("slow", false, "main.price takes twice as long")
	count = flag.Int("n", 15, "recordings")
	per   = flag.Int("seconds", 10, "length of each")
	dir   = flag.String("dir", ".", "where the profiles go")
	heap  = flag.Bool("heap", false, "a heap profile after each recording")
	rate  = flag.Float64("rate", 1000, "requests a second")
)

func main() {
	flag.Parse()
	go arrive(*rate)
	go tick(700 * time.Millisecond)
	time.Sleep(2 * time.Second)
	for at := range *count {
		write(fmt.Sprintf("cpu-%02d.pprof", at), func(file *os.File) error {
			if err := pprof.StartCPUProfile(file); err != nil {
				return err
			}
			time.Sleep(time.Duration(*per) * time.Second)
			pprof.StopCPUProfile()
			return nil
		})
		if *heap {
			runtime.GC()
			write(fmt.Sprintf("heap-%02d.pprof", at), func(file *os.File) error {
				return pprof.Lookup("heap").WriteTo(file, 0)
			})
		}
	}
}

func write(name string, fill func(*os.File) error) {
	file, err := os.Create(filepath.Join(*dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := fill(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}
