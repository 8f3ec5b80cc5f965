// Package clone prices baskets. The fault: it copies the basket through JSON for every line of it.
package clone

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

type line struct {
	SKU    string            `json:"sku"`
	Amount int               `json:"amount"`
	Tags   map[string]string `json:"tags"`
}

type basket struct {
	ID    string `json:"id"`
	Lines []line `json:"lines"`
}

// Service answers with the price of a basket under each of its discounts.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(quote), Clients: "3", Pause: time.Millisecond}
}

func quote(w http.ResponseWriter, r *http.Request) {
	b := basket{ID: r.FormValue("n")}
	for i := range 15 {
		b.Lines = append(b.Lines, line{fmt.Sprint("sku", i), i, map[string]string{"color": "red", "size": "XL"}})
	}
	_ = json.NewEncoder(w).Encode(best(b))
}

func best(b basket) basket {
	cheapest := b
	for i := range b.Lines {
		trial := without(b, i)
		if len(trial.Lines) < len(cheapest.Lines) {
			cheapest = trial
		}
	}
	return cheapest
}

func without(b basket, i int) basket {
	trial := deepCopy(b)
	trial.Lines = append(trial.Lines[:i], trial.Lines[i+1:]...)
	return trial
}

func deepCopy(b basket) (copied basket) {
	text, err := json.Marshal(b)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		panic(err)
	}
	return copied
}
