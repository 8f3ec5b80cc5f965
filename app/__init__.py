"""alertprof: an alert becomes a profile. Start reading at pipeline.py; docs/architecture.md has the map."""
