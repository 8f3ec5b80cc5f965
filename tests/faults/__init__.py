"""Small services with one known fault each, and healthy busy ones: services/ has their source.

`make faults` takes each through the whole line, prints what was found, and with ARGS=--write keeps the files that the
unit tests read. docs/findings.md has the table.
"""
