package main

import (
	"shop.example/faults/internal/await"
	"shop.example/faults/internal/discounts"
	"shop.example/faults/internal/exports"
	"shop.example/faults/internal/letters"
	"shop.example/faults/internal/mailbox"
)

func init() {
	services["await"] = await.Service
	services["discounts"] = discounts.Service
	services["exports"] = exports.Service
	services["letters"] = letters.Service
	services["mailbox"] = mailbox.Service
}
