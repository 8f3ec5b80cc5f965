package main

import (
	"shop.example/faults/internal/clone"
	"shop.example/faults/internal/garbage"
	"shop.example/faults/internal/healthy/api"
	"shop.example/faults/internal/healthy/workers"
	"shop.example/faults/internal/ledger"
	"shop.example/faults/internal/notify"
	"shop.example/faults/internal/patterns"
	"shop.example/faults/internal/pool"
	"shop.example/faults/internal/quadratic"
	"shop.example/faults/internal/sessions"
)

func init() {
	services["quadratic"] = quadratic.Service
	services["patterns"] = patterns.Service
	services["clone"] = clone.Service
	services["garbage"] = garbage.Service
	services["sessions"] = sessions.Service
	services["notify"] = notify.Service
	services["ledger"] = ledger.Service
	services["pool"] = pool.Service
	services["healthy-api"] = api.Service
	services["healthy-workers"] = workers.Service
}
