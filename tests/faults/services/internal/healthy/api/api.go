// Package api is a healthy service: it decodes, looks up, sorts, renders and compresses, each as much as it must.
package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"sync"

	"shop.example/faults/internal/serve"
)

var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

var clean = regexp.MustCompile(`[^a-z0-9 ]+`)

type offer struct {
	Name  string   `json:"name"`
	Price int      `json:"price"`
	Tags  []string `json:"tags"`
}

type shop struct {
	mu    sync.RWMutex
	cache map[uint64][]offer
}

// Service answers searches.
func Service() serve.Service {
	s := &shop{cache: map[uint64][]offer{}}
	return serve.Service{Handler: http.HandlerFunc(s.search), Clients: "12"}
}

func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	words := normalised("Red shoes, size " + r.FormValue("n") + "!")
	found := s.offers(words)
	rank(found)
	if err := encode(w, found); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func normalised(query string) []string {
	return strings.Fields(clean.ReplaceAllString(strings.ToLower(query), " "))
}

func (s *shop) offers(words []string) []offer {
	key := keyOf(words) % 512
	s.mu.RLock()
	found, ok := s.cache[key]
	s.mu.RUnlock()
	if !ok {
		found = load(words)
		s.mu.Lock()
		s.cache[key] = found
		s.mu.Unlock()
	}
	return append([]offer(nil), found...)
}

func keyOf(words []string) uint64 {
	sum := fnv.New64a()
	for _, word := range words {
		_, _ = sum.Write([]byte(word))
	}
	return sum.Sum64()
}

func load(words []string) []offer {
	var all []offer
	for i := range 40 {
		all = append(all, offer{fmt.Sprintf("%s %d", strings.Join(words, " "), i), i * 7919 % 101, words})
	}
	return all
}

func rank(found []offer) {
	sort.Slice(found, func(i, j int) bool { return found[i].Price < found[j].Price })
}

func encode(w http.ResponseWriter, found []offer) error {
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	var small bytes.Buffer
	zip := writers.Get().(*gzip.Writer)
	defer writers.Put(zip)
	zip.Reset(&small)
	_, _ = zip.Write(text)
	_ = zip.Close()
	w.Header().Set("Content-Encoding", "gzip")
	_, err = w.Write(small.Bytes())
	return err
}
