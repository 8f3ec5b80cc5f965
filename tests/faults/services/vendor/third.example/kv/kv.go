// Package kv stands for a client library of a store: connections in a pool, and a walk over records.
package kv

import (
	"context"
	"errors"
	"time"
)

// ErrMissing says that there is no such record.
var ErrMissing = errors.New("kv: no such record")

// Conn is one connection.
type Conn struct{ id int }

// Pool hands connections out.
type Pool struct{ free chan *Conn }

// NewPool makes a pool of n connections.
func NewPool(n int) *Pool {
	p := &Pool{free: make(chan *Conn, n)}
	for i := range n {
		p.free <- &Conn{i}
	}
	return p
}

// Get waits for a connection.
func (p *Pool) Get(ctx context.Context) (*Conn, error) {
	select {
	case c := <-p.free:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Put gives a connection back.
func (p *Pool) Put(c *Conn) { p.free <- c }

// Load reads a record.
func (c *Conn) Load(key string) (string, error) {
	time.Sleep(time.Millisecond)
	if len(key) > 0 && key[len(key)-1] == '7' {
		return "", ErrMissing
	}
	return "value of " + key, nil
}

// Each calls visit for every number below n.
func Each(n int, visit func(i int)) {
	for i := range n {
		visit(i)
	}
}
