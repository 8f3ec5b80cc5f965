// Package batch is a healthy service: a pipeline of stages that keeps the processor busy with its job.
package batch

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"shop.example/faults/internal/serve"
)

type block struct {
	raw   []byte
	words map[string]int
	small bytes.Buffer
	sum   [32]byte
}

type pipeline struct{ done chan int }

// Service packs blocks of text in the background and tells how many there are.
func Service() serve.Service {
	p := &pipeline{done: make(chan int, 8)}
	parsed, counted, packed := make(chan *block, 8), make(chan *block, 8), make(chan *block, 8)
	go p.read(parsed)
	go p.count(parsed, counted)
	go p.pack(counted, packed)
	go p.sign(packed)
	return serve.Service{Handler: http.HandlerFunc(p.show), Clients: "2", Pause: 20 * time.Millisecond}
}

func (p *pipeline) show(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, <-p.done) }

func (p *pipeline) read(out chan<- *block) {
	for n := 0; ; n++ {
		raw := make([]byte, 0, 32<<10)
		for len(raw) < 30<<10 {
			raw = strconv.AppendInt(append(raw, " item "...), int64(n*len(raw)%997), 10)
		}
		out <- &block{raw: raw}
	}
}

func (p *pipeline) count(in <-chan *block, out chan<- *block) {
	for b := range in {
		b.words = map[string]int{}
		words := bufio.NewScanner(bytes.NewReader(b.raw))
		words.Split(bufio.ScanWords)
		for words.Scan() {
			b.words[words.Text()]++
		}
		out <- b
	}
}

func (p *pipeline) pack(in <-chan *block, out chan<- *block) {
	zip, _ := flate.NewWriter(nil, flate.BestSpeed)
	for b := range in {
		zip.Reset(&b.small)
		_, _ = zip.Write(b.raw)
		_ = zip.Close()
		out <- b
	}
}

func (p *pipeline) sign(in <-chan *block) {
	for b := range in {
		for i := range 64 {
			b.sum = sha256.Sum256(binary.BigEndian.AppendUint32(b.raw[:2048], uint32(i)))
		}
		select {
		case p.done <- len(b.words):
		default:
			time.Sleep(100 * time.Microsecond)
		}
	}
}
