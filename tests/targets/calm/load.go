package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sort"
	"strings"
	"time"
)

type item struct {
	Name  string            `json:"name"`
	Price float64           `json:"price"`
	Tags  map[string]string `json:"tags"`
}

var (
	sku   = regexp.MustCompile(`^([A-Z]{2})-(\d{3,6})(?:/(\w+))?$`)
	cache = map[int][]byte{}
	done  = make(chan int, 64)
)

// arrive begins a request at every arrival of a Poisson process.
func arrive(perSecond float64) {
	go func() {
		for n := range done {
			cache[n%4096] = bytes.Repeat([]byte{byte(n)}, 16<<10)
		}
	}()
	for n := 0; ; n++ {
		time.Sleep(time.Duration(rand.ExpFloat64() / perSecond * float64(time.Second)))
		go request(n)
	}
}

func request(n int) {
	switch n % 10 {
	case 0, 1, 2, 3:
		order(n)
	case 4, 5, 6:
		search(n)
	case 7, 8:
		export(n)
	default:
		login(n)
	}
	done <- n
}

func order(n int) {
	items := decode(encode(basket(n)))
	total := 0.0
	for _, one := range items {
		total += price(one)
	}
	audit(fmt.Sprintf("order %d costs %.2f", n, total))
}

func basket(n int) []item {
	items := make([]item, 12)
	for i := range items {
		items[i] = item{fmt.Sprintf("AB-%d/x", 100+n%900+i), float64(i), map[string]string{"colour": "red", "size": "L"}}
	}
	return items
}

func encode(items []item) []byte {
	text, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	return text
}

func decode(text []byte) (items []item) {
	if err := json.Unmarshal(text, &items); err != nil {
		panic(err)
	}
	return items
}

//go:noinline
func price(one item) float64 {
	rounds := 10_000
	if *slow {
		rounds *= 2
	}
	sum := one.Price
	for i := range rounds {
		sum += sum*0.0001 + float64(i&7)
	}
	return sum
}

func search(n int) {
	hits := make([]string, 0, 400)
	for i := range 400 {
		if name := fmt.Sprintf("AB-%d/%d", n%1000+i, i); sku.MatchString(name) {
			hits = append(hits, name)
		}
	}
	sort.Strings(hits)
	audit(strings.Join(hits[:10], ","))
}

func export(n int) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	for range 6 {
		packed.Write(encode(basket(n)))
	}
	packed.Close()
	audit(fmt.Sprint(out.Len()))
}

func login(n int) {
	sum := sha256.Sum256([]byte(fmt.Sprint(n)))
	for range 3000 {
		sum = sha256.Sum256(sum[:])
	}
	audit(fmt.Sprintf("%x", sum))
}

func audit(line string) {
	for _, word := range strings.Fields(line) {
		strings.ToUpper(word)
	}
}

// tick does its work all at once, now and then: samples of it come in bursts.
func tick(every time.Duration) {
	for range time.Tick(every) {
		for n := range 20 {
			export(n)
		}
	}
}
