# shellcheck shell=sh
# The verb that reads the files whose code a process runs: the names of functions stand in them. It is part of a gate only
# where the configuration names a profiler whose files are profiles that may lack names. It never writes.
#
# Provides:
#   verb_mapped PID START IMAGE [AREA RANGE…]   `size N`, then the bytes of all ranges, then a line `area START-LIMIT OFFSET
#                                               PATH` for each mapping of a file that holds code. AREA is the START of one
#                                               of them, a RANGE is PAGE:COUNT of its file, in pages of 4096 bytes. What is
#                                               not there or cannot be read is zeros. START:ID instead of START: of the
#                                               host's file of debugging information with this build id.
# Sets:
#   wanted_start, wanted_image: of the process that is meant
#   areas: the lines, and the inode before each path
#   build: the build id that AREA names
#   mapped: where the file of AREA can be opened
#   pages: of all ranges
#   code: ok, or why not; unreadable where this account may not see the mappings, vanished where the file is not there
# Expects:
#   nl, out, is_number: setup.sh
#   pid, start, image, tgid, pin_process, other_image, read_stat, read_status, gone_or_blind: identity.sh

verb_mapped() {
  [ $# -ge 3 ] || { code=bad; return; }
  pin_process "$1" "$2" "$3" || return
  wanted_start=$2 wanted_image=$3 area=${4-} build=
  shift 3; [ $# -eq 0 ] || shift
  case $area in *:*) build=${area#*:} area=${area%%:*}; [ ${#build} -ge 8 ] || { code=bad; return; } ;; esac
  case $area$build in *[!0-9a-f]*) code=bad; return ;; esac
  count_mapped "$@" || { code=bad; return; }
  read_status || return
  [ "$tgid" = "$pid" ] || { code=thread; return; }
  { true <exe && true <maps; } || { gone_or_blind; [ "$code" = gone ] || code=unreadable; return; }
  areas=$nl$(sed -nE 's@^([0-9a-f]+-[0-9a-f]+) r.x. ([0-9a-f]+) [^ ]+ ([0-9]+) +(/.*)@area \1 \2 \3 \4@p' maps | head -n 2000)$nl
  [ $# -eq 0 ] || find_mapped "$area" || { code=vanished; return; }
  printf 'size %s\n' $((pages * 4096))
  for range; do send_mapped "${range%%:*}" "${range#*:}"; done
  out=$(printf '%s' "$areas" | sed -nE 's@^(area [^ ]+ [^ ]+) [0-9]+@\1@p')$nl
  [ "$out" != "$nl" ] || out=
  read_stat stat || { gone_or_blind; return; }
  other_image
  [ "$start $image" != "$wanted_start $wanted_image" ] || code=ok
}

count_mapped() { # RANGE… -> pages; fails for what is no range, and for more than is read at once
  pages=0
  for range; do
    case $range in *:*) ;; *) return 1 ;; esac
    is_number "${range%%:*}" 9 && is_number "${range#*:}" 5 || return 1
    pages=$((pages + ${range#*:}))
  done
  [ $pages -le 8192 ]
}

# The kernel's own links lead to the very file, even where its name is gone; map_files may be followed by root alone. A name
# is believed where the file has the inode of the mapping.
find_mapped() { # AREA -> mapped
  case $areas in *"${nl}area $1-"*) ;; *) return 1 ;; esac
  if [ -n "$build" ]; then
    mapped=/usr/lib/debug/.build-id/${build%"${build#??}"}/${build#??}.debug
    [ -f "$mapped" ]; return
  fi
  entry=${areas#*"${nl}area $1-"}; entry=${entry%%"$nl"*}
  path=${entry#* * * } limit=${entry%% *} inode=${entry#* * }; inode=${inode%% *}
  mapped=exe
  [ "$(readlink exe)" != "$path" ] || return 0
  mapped=map_files/${1#"${1%%[!0]*}"}-${limit#"${limit%%[!0]*}"}
  [ ! -f "$mapped" ] || return 0
  mapped=root$path
  [ -f "$mapped" ] && [ "$(stat -L -c %i "$mapped")" = "$inode" ]
}

send_mapped() { # PAGE COUNT
  { dd if="$mapped" bs=4096 skip="$1" count="$2" conv=noerror,sync; cat /dev/zero; } | head -c $(($2 * 4096))
}
