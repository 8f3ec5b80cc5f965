"""What must survive a restart: one row a capture. The room's door is ledger.py."""
