"""Figures for docs/performance.md: `make bench`, or `python -m tests.bench [name …] [--quick]`.

Every group of measurements runs its variants side by side, in rounds (rounds.py) and prints one table (report.py).
"""
