"""alertprof: an alert becomes a profile. Start reading at captures/pipeline.py; docs/architecture.md has the map."""
