#!/bin/sh
# BusyBox awk 1.35 takes a field with a leading zero for octal when it does arithmetic with it; POSIX awks take it for
# decimal. `od -A d` pads its addresses with zeros, so a script that adds to them works with mawk and gawk, and counts
# wrongly on Alpine and in other BusyBox images. Stripping the zeros (sub(/^0+/, "", $1)) makes all of them agree.
#
# Seen with Debian's busybox 1:1.35.0-4+deb12u1+b1 and mawk 1.3.4.20200120-3.1:
#   mawk:         0021624 + 0 = 21624
#   busybox awk:  0021624 + 0 = 9108
#   busybox awk:  21624 + 0 = 21624     (zeros stripped)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -qq download "busybox=1:1.35.0-4+deb12u1+b1" "mawk=1.3.4.20200120-3.1" >/dev/null
for package in *.deb; do dpkg-deb -x "$package" .; done
head -c 21632 /dev/zero | tr '\000' a >data
printf 'end' >>data
address=$(od -A d -j 21624 -N 8 -t x1 data | awk 'NR == 1 { print $1 }')
echo "od -A d: $address"
expect() { [ "$2" = "$3" ] || { echo "changed: $1 gives $2, not $3"; exit 1; }; }
expect od "$address" 0021624
expect mawk "$(echo "$address" | usr/bin/mawk '{ print $1 + 0 }')" 21624
# shellcheck disable=SC2016 # the dollars are awk's
plain='{ print $1 + 0 }'
# shellcheck disable=SC2016
stripped='{ sub(/^0+/, "", $1); print $1 + 0 }'
expect "busybox awk" "$(echo "$address" | bin/busybox awk "$plain")" 9108
expect "busybox awk, zeros stripped" "$(echo "$address" | bin/busybox awk "$stripped")" 21624
echo "as described"
