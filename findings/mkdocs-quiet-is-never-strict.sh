#!/bin/sh
# MkDocs 1.6.1.
#
# `mkdocs build --strict` fails for a warning, such as a link to a page that is not there. One would add --quiet in CI, to
# see nothing but what is wrong. But --quiet raises the level of the logger whose warnings --strict counts: no warning is
# counted, and the build succeeds without a word.
#
# Seen: --strict: 1. --strict --quiet: 0
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install mkdocs==1.6.1
mkdir docs
echo 'site_name: a site' >mkdocs.yml
echo '[a page](nowhere.md)' >docs/index.md
strict=0 quiet=0
venv/bin/mkdocs build --strict >/dev/null 2>&1 || strict=$?
venv/bin/mkdocs build --strict --quiet || quiet=$?
echo "--strict: $strict. --strict --quiet: $quiet"
[ "$strict" -ne 0 ]
[ "$quiet" -eq 0 ]
