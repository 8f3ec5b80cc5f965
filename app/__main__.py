"""`python -m app` is the same as `alertprof`."""

from app.cli import main

main()
