# shellcheck shell=sh
# The verb that reads a process's memory. It is part of a gate only where the configuration names the profiler go-memory:
# whoever may ask it may read whatever the process holds. It never writes.
#
# Provides:
#   verb_memory PID START IMAGE RANGE…   `size N`, then the bytes of all ranges, then a line `area START-LIMIT PERMISSIONS OFFSET
#                                        INODE` for each mapping that holds code or is written. A range is exe:PAGE:COUNT
#                                        of the executable's file, or mem:PAGE:COUNT of the memory, in pages of 4096
#                                        bytes. A page that cannot be read is zeros.
# Sets:
#   wanted_start, wanted_image: of the process that is meant
#   pages: of all ranges
#   code: ok, or why not; unreadable where this account may not read it
# Expects:
#   out, nl, is_number: setup.sh
#   pid, start, image, tgid, pin_process, other_image, read_stat, read_status, gone_or_blind: identity.sh

verb_memory() {
  [ $# -ge 4 ] || { code=bad; return; }
  pin_process "$1" "$2" "$3" || return
  wanted_start=$2 wanted_image=$3
  shift 3
  count_pages "$@" || { code=bad; return; }
  read_status || return
  [ "$tgid" = "$pid" ] || { code=thread; return; }
  { true <mem && true <exe; } || { gone_or_blind; [ "$code" = gone ] || code=unreadable; return; }
  read_areas
  printf 'size %s\n' $((pages * 4096))
  send_pages "$@"
  read_stat stat || { gone_or_blind; return; }
  other_image
  [ "$start $image" != "$wanted_start $wanted_image" ] || code=ok
}

read_areas() { # -> out
  out=$(sed -nE 's@^([0-9a-f]+-[0-9a-f]+) (r(w[x-]|-x).) ([0-9a-f]+) [^ ]+ ([0-9]+).*@area \1 \2 \4 \5@p' maps | head -n 4000)$nl
}

count_pages() { # RANGE… -> pages; fails for what is no range, and for more than is read at once
  pages=0
  for range; do
    case $range in exe:*:* | mem:*:*) range=${range#*:} ;; *) return 1 ;; esac
    is_number "${range%%:*}" 14 && is_number "${range#*:}" 5 || return 1
    pages=$((pages + ${range#*:}))
  done
  [ $pages -gt 0 ] && [ $pages -le 32768 ]
}

# A page that fails is zeros, so that those after it stay in their places; so is what lies beyond the end of the file.
send_pages() { # RANGE…
  {
    for range; do
      file=${range%%:*} range=${range#*:}
      dd if="$file" bs=4096 skip="${range%%:*}" count="${range#*:}" conv=noerror,sync
    done
    cat /dev/zero
  } | head -c $((pages * 4096))
}
