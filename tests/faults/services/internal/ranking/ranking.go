// Package ranking keeps the best scores. The fault: it sorts all of them for each new one.
package ranking

import (
	"fmt"
	"net/http"
	"sort"
	"time"

	"shop.example/faults/internal/serve"
)

type score struct {
	player string
	points int
}

type byPoints []score

func (b byPoints) Len() int           { return len(b) }
func (b byPoints) Less(i, j int) bool { return b[i].points > b[j].points }
func (b byPoints) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

// Service ranks 400 players.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(board), Clients: "3", Pause: 2 * time.Millisecond}
}

func board(w http.ResponseWriter, r *http.Request) {
	var all []score
	for i := range 400 {
		all = insert(all, score{r.FormValue("n"), i * 7919 % 1009})
	}
	fmt.Fprintln(w, all[0].points)
}

func insert(all []score, one score) []score {
	all = append(all, one)
	order(all)
	return all
}

func order(all []score) { sort.Sort(byPoints(all)) }
