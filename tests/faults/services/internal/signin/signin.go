// Package signin checks passwords. The fault: it derives the key anew for every request of a session.
package signin

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"time"

	"shop.example/faults/internal/serve"
)

var stored = derive("secret")

// Service lets a user in who sends the password with each request.
func Service() serve.Service {
	return serve.Service{Handler: http.HandlerFunc(page), Clients: "3", Pause: 2 * time.Millisecond}
}

func page(w http.ResponseWriter, r *http.Request) {
	if !allowed("secret") {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	fmt.Fprintln(w, "hello", r.FormValue("n"))
}

func allowed(password string) bool {
	return subtle.ConstantTimeCompare(stored, derive(password)) == 1
}

func derive(password string) []byte {
	key, err := pbkdf2.Key(sha256.New, password, []byte("salt"), 20000, 32)
	if err != nil {
		panic(err)
	}
	return key
}
