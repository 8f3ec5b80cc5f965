"""Longer runs than `make test` has time for: `make fuzz SECONDS=60` (each of them so long)."""
