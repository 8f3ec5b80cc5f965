"""Everything that must survive a restart: one row per capture. ledger.py is the only entrance to this package."""
