// Package discounts prices baskets. Its scoring is always dear. The fault comes when somebody loads more vouchers: each is
// looked for in all the others.
package discounts

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"shop.example/faults/internal/serve"
)

type shop struct {
	vouchers atomic.Pointer[[]string]
}

// Service prices a basket for every request; /load brings more vouchers.
func Service() serve.Service {
	s := &shop{}
	s.load(20)
	http.HandleFunc("/load", func(http.ResponseWriter, *http.Request) { s.load(600) })
	return serve.Service{Handler: http.HandlerFunc(s.price), Clients: "2", Pause: 5 * time.Millisecond}
}

func (s *shop) load(count int) {
	all := make([]string, count)
	for i := range all {
		all[i] = "voucher-of-this-summer-" + strconv.Itoa(i)
	}
	s.vouchers.Store(&all)
}

func (s *shop) price(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	cents := score(n) + applied(*s.vouchers.Load())
	_, _ = w.Write([]byte(strconv.Itoa(cents)))
}

//go:noinline
func score(n int) (sum int) {
	for i := range 400_000 {
		sum += (n + i) * i % 7
	}
	return sum
}

//go:noinline
func applied(vouchers []string) (count int) {
	for _, one := range vouchers {
		for _, other := range vouchers {
			if one == other {
				count++
			}
		}
	}
	return count
}
