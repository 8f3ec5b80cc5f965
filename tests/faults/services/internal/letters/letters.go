// Package letters fills in forms. The fault: the template is parsed for every letter.
package letters

import (
	"html/template"
	"net/http"
	"strings"

	"shop.example/faults/internal/serve"
)

const form = `{{define "item"}}<li>{{.Name}}: {{.Count}}{{if gt .Count 5}} (many){{else}} (few){{end}}</li>{{end}}
<h1>{{.Title}}</h1>{{with .Customer}}<p>{{.}}</p>{{end}}
<ul>{{range .Items}}{{template "item" .}}{{end}}</ul>
{{if .Late}}<p>It is late, we are sorry.</p>{{else if .Early}}<p>It is early.</p>{{end}}`

type item struct {
	Name  string
	Count int
}

type order struct {
	Title, Customer string
	Items           []item
	Late, Early     bool
}

// Service writes a letter for every request.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(answer), Clients: "4"}
}

func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(write(order{"Order " + r.FormValue("n"), "A. Customer", []item{{"bolt", 3}, {"nut", 9}}, true, false})))
}

func write(one order) string {
	var out strings.Builder
	if err := layout().Execute(&out, one); err != nil {
		return err.Error()
	}
	return out.String()
}

func layout() *template.Template {
	return template.Must(template.New("letter").Parse(form))
}
