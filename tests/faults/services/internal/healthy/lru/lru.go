// Package lru is a healthy service: a cache with a bound, that is full and changes all the time.
package lru

import (
	"container/list"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"shop.example/faults/internal/serve"
)

type entry struct {
	key  string
	page []byte
}

type cache struct {
	mu    sync.Mutex
	order *list.List
	index map[string]*list.Element
	most  int
}

// Service renders pages and keeps the last 2000.
func Service() serve.Service {
	c := &cache{order: list.New(), index: map[string]*list.Element{}, most: 2000}
	for i := range c.most {
		c.put(fmt.Sprint("warm", i), draw("warm"))
	}
	return serve.Service{Handler: http.HandlerFunc(c.page), Clients: "8"}
}

func (c *cache) page(w http.ResponseWriter, r *http.Request) {
	key := r.FormValue("n")
	page, ok := c.get(key)
	if !ok {
		page = draw(key)
		c.put(key, page)
	}
	_, _ = w.Write(page)
}

func (c *cache) get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.index[key]; ok {
		c.order.MoveToFront(found)
		return found.Value.(*entry).page, true
	}
	return nil, false
}

func (c *cache) put(key string, page []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.index[key] = c.order.PushFront(&entry{key, page})
	for c.order.Len() > c.most {
		last := c.order.Back()
		delete(c.index, last.Value.(*entry).key)
		c.order.Remove(last)
	}
}

func draw(key string) []byte {
	return []byte(strings.Repeat("<li>"+key+"</li>", 600))
}
