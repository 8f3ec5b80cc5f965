// Package patterns checks addresses against rules. The fault: a rule's pattern is compiled for every address.
package patterns

import (
	"fmt"
	"net/http"
	"regexp"
	"time"

	"shop.example/faults/internal/serve"
)

type rule struct{ name, pattern string }

var rules = []rule{
	{"mail", `^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,24}$`},
	{"phone", `^\+?[0-9]{1,3}[ -]?(\([0-9]{2,5}\))?[0-9 -]{5,15}$`},
	{"zip", `^([A-Z]{1,2}-)?[0-9]{4,6}(-[0-9]{4})?$`},
}

// Service classifies what a form has.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(form), Clients: "3", Pause: time.Millisecond}
}

func form(w http.ResponseWriter, r *http.Request) {
	found := 0
	for i := range 20 {
		found += len(classify(fmt.Sprintf("user%d.%s@example.com", i, r.FormValue("n"))))
	}
	fmt.Fprintln(w, found)
}

func classify(field string) []string {
	var names []string
	for _, r := range rules {
		if matches(r.pattern, field) {
			names = append(names, r.name)
		}
	}
	return names
}

func matches(pattern, text string) bool {
	return regexp.MustCompile(pattern).MatchString(text)
}
