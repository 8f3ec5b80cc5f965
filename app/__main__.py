"""`python -m app` is the same as `alertprof`."""

from app.cli.program import main

main()
