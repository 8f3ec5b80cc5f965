# shellcheck shell=sh
# The files of a token: found, remembered by device, inode and owner, told, and looked for among those that are open.
#
# A program may set its TMPDIR itself, which its environment does not show. Where files of it are open, it is seen.
#
# Provides:
#   find_profile_dir       where the process's files lie -> profile_dir
#   list_stamps SUFFIX     the stamps of its files there -> stamps
#   record_files           journals the open files that are this recording's
#   find_files             journals files that nobody saw open: by name, among those that were not there before
#   report_files           `file KIND STAMP SIZE`, or `file KIND STAMP vanished`, of each of the token's files; or code: blind
#   report_open            the same, of files that record_files has just seen open
#   locate_file PATH       the place of a journaled path -> place, offset, length
#   list_held              which of the token's files are open, where they were made -> held, held_place, strangers
#   identify_places        the identities of the token's files now -> places: lines `DEVICE:INODE:OWNER SIZE PLACE`
# Sets:
#   profile_dir: see find_profile_dir
#   stamps: see list_stamps
#   place, offset, length: of a file; the last two tell which part of a log was printed at a signal
#   held, held_place, strangers: kinds that are held open; where one of them lies; 1 if other files are, unknown
#   places: see identify_places
#   unreadable: blind where find_files could not look
#   code: blind
#   j_files: journal.sh
# Expects:
#   nl, ws, out, say, same_file: setup.sh
#   ns, uid, euid, start, read_stat: identity.sh
#   open_files, open_ids, unknown, list_unknown, kind, stamp, read_profile_name, scan_open_files, identify_open_files: open_files.sh
#   tmp: program.sh
#   home, note, j_pid, j_start, j_base: journal.sh
#   token: of the verb

find_profile_dir() { # this token's files show it, or others that it has open; else TMPDIR says
  profile_dir=root$tmp
  list_held
  [ -z "$held_place" ] || { profile_dir=${held_place%/*}; return 0; }
  scan_open_files
  IFS=$nl; for entry in $open_files; do IFS=$ws # FD KIND STAMP PATH
    path=${entry#* * * }
    for place in "root$path" "$path"; do
      same_file "fd/${entry%% *}" "$place" && profile_dir=${place%/*}
    done
  done; IFS=$ws
  identify_places
  IFS=$nl; for entry in $j_files; do IFS=$ws # KIND STAMP ID PATH
    set -- $entry
    find_place "$3" "${entry#* * * }" && profile_dir=${place%/*}
  done; IFS=$ws
}

list_stamps() {
  find_profile_dir
  set +f; set -- "$profile_dir"/*-"$ns"-*-??????????."$1"; set -f
  stamps=
  for file; do
    file=${file%.*}; file=${file##*-}
    case $file in *[!0-9]* | '') ;; *) stamps="$stamps $file" ;; esac
  done
}

keep_file() { # KIND STAMP ID PATH
  note "file $1 $2 $3 $4"
  j_files="$j_files$1 $2 $3 $4$nl"
}

is_new() { # KIND STAMP: could it be this recording's, and is none of its kind known yet?
  case $1 in cpu | mem | mutex | block | trace | threadcreate) ;; *) return 1 ;; esac
  case $j_base in *" $2 "*) return 1 ;; esac
  case $nl$j_files in *"$nl$1 "*) return 1 ;; esac
}

record_files() {
  [ -n "$open_files" ] || return 0
  identify_open_files || return 1
  IFS=$nl; for entry in $open_files; do IFS=$ws
    set -- $entry
    is_new "${2-}" "${3-}" || continue
    id=${open_ids%% fd/"$1 "*}; id=${id##*"$nl"}
    case $id in *:*:*) keep_file "$2" "$3" "$id" "${entry#* * * }" ;; esac
  done; IFS=$ws
}

find_files() {
  find_profile_dir
  set +f; set -- "$profile_dir"/*-"$ns"-*-??????????.pprof; set -f
  for file; do
    [ -f "$file" ] && [ ! -h "$file" ] || continue
    read_profile_name "$file" && is_new "$kind" "$stamp" || continue
    id=$(stat -L -c '%d:%i:%u %h' "$file") || [ ! -e "$file" ] || { unreadable=blind; return 1; }
    case $id in *":$uid 1" | *":$euid 1") keep_file "$kind" "$stamp" "${id% 1}" "${file#root}" ;; esac
  done
}

locate_file() { # ours, or inside the process's own root while it lives
  place=$1 offset=0 length=
  case $1 in
  stdout' '*) set -- $1; offset=$2 length=$3; locate_stdout; return ;;
  "$home/$token.d"/*) [ -f "$place" ] && [ ! -h "$place" ]; return ;;
  esac
  cd "/proc/$j_pid" && read_stat stat && [ "$start" = "$j_start" ] && place=root$1
  # Of a process in a chroot the path leads from our root. Device and inode tell whether it is the right one.
  [ -e "$place" ] || place=$1
  [ -f "$place" ] && [ ! -h "$place" ]
}

locate_stdout() { # what the process printed, where that is a file
  place=fd/1
  cd "/proc/$j_pid" && read_stat stat && [ "$start" = "$j_start" ] && [ -f fd/1 ]
}

identify_places() { # one `stat` for all of them; fails where it could not be asked
  places=$nl
  [ -n "$j_files" ] || return 0
  set --
  IFS=$nl; for entry in $j_files; do IFS=$ws
    locate_file "${entry#* * * }" && set -- "$@" "$place"
  done; IFS=$ws
  [ $# -gt 0 ] || return 0
  places=$nl$(stat -L -c '%d:%i:%u %s %n' "$@"; echo ".$?")$nl
  case $places in *"$nl".[01]"$nl") ;; *) return 1 ;; esac
}

find_place() { # ID PATH: after identify_places, is the file where it was made? -> place, offset, length, size
  size=
  locate_file "$2" || return 1
  case $places in *"$nl$1 "[0-9]*" $place$nl"*) ;; *) return 1 ;; esac
  size=${places%" $place$nl"*}; size=${size##*"$nl"}
  [ "${size% *}" = "$1" ] || return 1
  size=${size#* }
}

report_files() {
  identify_places || { code=blind; return; }
  IFS=$nl; for entry in $j_files; do IFS=$ws
    set -- $entry
    [ $# -ge 4 ] || continue
    if find_place "$3" "${entry#* * * }"; then say file "$1 $2 ${length:-$size}"; else say file "$1 $2 vanished"; fi
  done; IFS=$ws
}

# The same where each of the files is open where it was made: record_files has just seen how large they are.
report_open() { # fails, and says nothing, where one is not
  reported=
  IFS=$nl; for entry in $j_files; do IFS=$ws
    set -- $entry
    case "$held " in *" $1 "*) ;; *) return 1 ;; esac
    case $open_ids in *"$nl$3 fd/"*) ;; *) return 1 ;; esac
    size=${open_ids#*"$nl$3 fd/"*" "}
    reported="${reported}file $1 $2 ${size%%"$nl"*}$nl"
  done; IFS=$ws
  out=$out$reported
}

list_held() { # by builtins alone
  held='' held_place='' strangers='' held_places=''
  IFS=$nl; for entry in $j_files; do IFS=$ws
    case ${entry#* * * } in stdout' '*) continue ;; esac
    locate_file "${entry#* * * }" && held_places="$held_places${entry%% *} $place$nl"
  done; IFS=$ws
  list_unknown
  for descriptor in $unknown; do
    stranger=1
    IFS=$nl; for entry in $held_places; do IFS=$ws
      same_file "$descriptor" "${entry#* }" || continue
      held="$held ${entry%% *}" held_place=${entry#* } stranger=
      break
    done; IFS=$ws
    [ -z "$stranger" ] || strangers=1
  done
}
