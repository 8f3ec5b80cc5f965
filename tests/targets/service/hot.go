package main

import (
	"context"
	"sync"
	"time"
)

var (
	lock    sync.Mutex
	heated  []context.CancelFunc
	kept    [256][]byte
	answers uint64
)

// heat is busy for that long, and rests for a while after each millisecond or so.
func heat(length, rest time.Duration) {
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), length)
	heated = append(heated, cancel)
	go hotLoop(ctx, rest)
}

func cool() {
	lock.Lock()
	defer lock.Unlock()
	for _, cancel := range heated {
		cancel()
	}
	heated = nil
}

// hotLoop is what a profile of this service has to name, with checksum below it.
//
//go:noinline
func hotLoop(ctx context.Context, rest time.Duration) {
	for i := 0; ctx.Err() == nil; i++ {
		block := remember(i)
		for n := 0; n < 100; n++ {
			answers += checksum(block)
		}
		time.Sleep(rest)
	}
}

//go:noinline
func checksum(block []byte) uint64 {
	sum := uint64(14695981039346656037)
	for _, b := range block {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return sum
}

// remember allocates, so that the heap profile has something to show.
//
//go:noinline
func remember(i int) []byte {
	block := make([]byte, 16<<10)
	kept[i%len(kept)] = block
	return block
}
