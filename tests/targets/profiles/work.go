package main

import (
	"sort"
	"strings"
	"sync"
	"time"
)

var sink any

// tree is recursive, generic, and allocates: three things that a reader of profiles can get wrong.
type tree[T any] struct {
	left, right *tree[T]
	value       T
}

func grow[T any](depth int, value T) *tree[T] {
	if depth == 0 {
		return nil
	}
	return &tree[T]{grow(depth-1, value), grow(depth-1, value), value}
}

func (t *tree[T]) walk(visit func(T)) {
	if t == nil {
		return
	}
	t.left.walk(visit)
	visit(t.value)
	t.right.walk(visit)
}

// add is small enough to be inlined.
func add(sum *int, n int) { *sum += n * n % 7 }

func mapped[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

func hotLoop(until time.Time) {
	for time.Now().Before(until) {
		sum := 0
		grow(10, 3).walk(func(n int) { add(&sum, n) })
		words := mapped(strings.Fields("b c a e d"), func(s string) string { return s + "!" })
		sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
		sink = words
	}
}

func keep() any {
	kept := make([]any, 0, 300)
	for i := 0; i < 300; i++ {
		kept = append(kept, make([]byte, i*1000), grow(6, "leaf"))
	}
	return kept
}

func contend(rounds int) {
	var lock sync.Mutex
	var all sync.WaitGroup
	hand := make(chan int)
	for w := 0; w < 4; w++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < rounds; i++ {
				lock.Lock()
				time.Sleep(time.Millisecond)
				lock.Unlock()
				<-hand
			}
		}()
	}
	for i := 0; i < 4*rounds; i++ {
		hand <- i
	}
	all.Wait()
}
