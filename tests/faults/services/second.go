package main

import (
	"shop.example/faults/internal/audit"
	"shop.example/faults/internal/chatty"
	"shop.example/faults/internal/compare"
	"shop.example/faults/internal/feed"
	"shop.example/faults/internal/headers"
	"shop.example/faults/internal/healthy/batch"
	"shop.example/faults/internal/healthy/lru"
	"shop.example/faults/internal/keys"
	"shop.example/faults/internal/poll"
	"shop.example/faults/internal/quota"
	"shop.example/faults/internal/ranking"
	"shop.example/faults/internal/render"
	"shop.example/faults/internal/retries"
	"shop.example/faults/internal/signin"
	"shop.example/faults/internal/transfer"
	"shop.example/faults/internal/upstream"
	"shop.example/faults/internal/watch"
)

func init() {
	services["audit"] = audit.Service
	services["poll"] = poll.Service
	services["render"] = render.Service
	services["compare"] = compare.Service
	services["signin"] = signin.Service
	services["retries"] = retries.Service
	services["chatty"] = chatty.Service
	services["headers"] = headers.Service
	services["ranking"] = ranking.Service
	services["quota"] = quota.Service
	services["transfer"] = transfer.Service
	services["watch"] = watch.Service
	services["feed"] = feed.Service
	services["keys"] = keys.Service
	services["upstream"] = upstream.Service
	services["healthy-lru"] = lru.Service
	services["healthy-batch"] = batch.Service
}
