# shellcheck shell=sh
# The environment of the gate, and the small words that every other part uses.
#
# Provides:
#   say KEY VALUE           adds a line to the answer
#   is_number WORD DIGITS   is it a decimal number without leading zeros, of at most so many digits?
#   is_token WORD           is it a capture's token: 32 hex digits?
#   short_sleep             0.05 seconds, or a second where `sleep` knows no fractions
#   read_uptime             seconds since boot -> now; the same in hundredths -> now_hundredths
#   same_file A B           are both the same file, whatever links lead there?
# Sets:
#   nl, ws: a newline; the usual IFS
#   out: the answer's lines so far
#   now, now_hundredths: see read_uptime
# Expects: nothing
set -uf; set -C; umask 077
PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C IFS=' 	
'
export PATH LC_ALL
unset CDPATH ENV 2>/dev/null
trap '' HUP PIPE
exec 2>/dev/null
nl='
' ws=$IFS out=''
# Lists are walked by `IFS=$nl; for entry in $LIST; do IFS=$ws`. None comes out of a here-document: bash before 5.1 and
# ksh put one into a file in /tmp, and where /tmp is full the list would seem to be empty.

say() { out="$out$1 $2$nl"; }

is_number() {
  case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac
  [ ${#1} -le "$2" ]
}

is_token() {
  case $1 in '' | *[!0-9a-f]*) return 1 ;; esac
  [ ${#1} -eq 32 ]
}

short_sleep() { sleep 0.05 || sleep 1; }

read_uptime() {
  read -r now _ </proc/uptime
  now_hundredths=${now%.*}${now#*.} now=${now%.*}
}

# shellcheck disable=SC3013 # POSIX has -ef since 2024, and dash, bash, busybox, mksh and ksh93 have had it for long
same_file() { [ "$1" -ef "$2" ]; }
