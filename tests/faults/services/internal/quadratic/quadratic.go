// Package quadratic merges price lists. The fault: it looks every product up by walking over all of them.
package quadratic

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"shop.example/faults/internal/serve"
)

type product struct {
	sku   string
	price int
}

type catalog struct{ feeds [][]product }

// Service merges the feeds of three suppliers for every request.
func Service() serve.Service {
	c := &catalog{}
	for feed := range 3 {
		var list []product
		for i := range 1200 {
			list = append(list, product{fmt.Sprintf("SKU-%06d", i*(feed+1)), i})
		}
		c.feeds = append(c.feeds, list)
	}
	return serve.Service{Handler: http.HandlerFunc(c.prices), Clients: "3", Pause: 5 * time.Millisecond}
}

func (c *catalog) prices(w http.ResponseWriter, _ *http.Request) {
	merged := c.merge()
	fmt.Fprintf(w, "%d products, the first %s", len(merged), merged[0].sku)
}

func (c *catalog) merge() []product {
	var all []product
	for _, feed := range c.feeds {
		all = unite(all, feed)
	}
	return all
}

func unite(all, more []product) []product {
	for _, p := range more {
		if at := find(all, p.sku); at >= 0 {
			all[at].price = min(all[at].price, p.price)
			continue
		}
		all = append(all, p)
	}
	return all
}

func find(all []product, sku string) int {
	for i := range all {
		if same(all[i].sku, sku) {
			return i
		}
	}
	return -1
}

//go:noinline
func same(a, b string) bool { return strings.EqualFold(a, b) }
