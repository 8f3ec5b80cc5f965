# shellcheck shell=sh
# The verbs that bring a token's files home and remove them: always what was made for the token, by device, inode and
# owner, and never what has its name by now.
#
# Provides:
#   verb_fetch TOKEN KIND MAX   `size N`, then exactly N bytes of the file, then the last line
#   verb_unfetch                closes what was opened and nobody has fetched, as every verb but a fetch does
#   verb_drop TOKEN             removes the token's files, and journals of a week ago
#   report_closed               tells the files of a recording that is over, and opens them for the fetches that follow -> code:
#                               finished or blind
#   close_opened                closes what was opened and nobody has fetched
# Sets:
#   token: for everything that these verbs call
#   opened: lines `FD TOKEN KIND ID SIZE` of the files that are open for fetching
#   code: ok, or why not
# Expects:
#   nl, ws, out, say, is_number, is_token: setup.sh
#   own_id: identity.sh
#   home, unread, note, read_journal, forget_old_journals: journal.sh
#   j_mode, j_files, j_closed, j_gone, j_dump, j_dumped, j_place: journal.sh
#   place, offset, length, locate_file, report_files: files.sh
#   remove_directory: directory.sh

verb_fetch() {
  is_token "${1-}" && is_number "${3-}" 12 || { code=bad; return; }
  token=$1 kind=$2 max=$3
  read_journal || { code=${unread:-unknown}; return; }
  read_entry "$kind" || { code=unknown; return; }
  find_opened "$kind" || { open_fetched && find_opened "$kind"; } || return
  send_opened
  eval "exec $descriptor<&-"
  opened=${opened%%"$descriptor $token "*}${opened#*"$descriptor $token $kind "*"$nl"}
}

verb_unfetch() { code=ok; }

read_entry() { # KIND -> fetched: its entry, fetched_id, fetched_path
  fetched=
  IFS=$nl; for entry in $j_files; do IFS=$ws # KIND STAMP ID PATH
    case $entry in "$1 "*) fetched=$entry ;; esac
  done; IFS=$ws
  fetched_path=${fetched#* * * } fetched_id=${fetched#* * }; fetched_id=${fetched_id%% *}
  [ -n "$fetched" ]
}

find_opened() { # KIND -> descriptor, opened_id, opened_size; or code: vanished
  code=vanished
  IFS=$nl; for opened_entry in $opened; do IFS=$ws
    set -- "$1" $opened_entry
    [ "$3 $4" = "$token $1" ] || continue
    descriptor=$2 opened_id=$5 opened_size=$6 code=error
    return 0
  done; IFS=$ws
  return 1
}

# Opens the file that is asked for and others of the token, seven at most, and looks at what was opened with one `stat`.
open_fetched() { # -> opened; or code: vanished or blind
  close_opened
  own_fds=/proc/${own_id%%:*}/fd # korn shells hand no descriptor above 2 to a program
  next=3 code=vanished
  set --
  IFS=$nl; for entry in $fetched$nl$j_files; do IFS=$ws
    [ $next = 3 ] || [ "$entry" != "$fetched" ] || continue
    [ $next -le 9 ] && locate_file "${entry#* * * }" && { true <"$place"; } || continue
    eval "exec $next<\"\$place\""
    set -- "$@" "$own_fds/$next"
    opened="$opened$next $token ${entry%% *}$nl"
    next=$((next + 1))
  done; IFS=$ws
  [ $# -gt 0 ] || return 1
  identities=$nl$(stat -L -c '%n %d:%i:%u %s' "$@")$nl
  opening=$opened opened=
  IFS=$nl; for entry in $opening; do IFS=$ws # FD TOKEN KIND
    identity=${identities#*"$nl$own_fds/${entry%% *} "}
    [ "$identity" != "$identities" ] || { opened=$opening; close_opened; code=blind; return 1; }
    opened="$opened$entry ${identity%%"$nl"*}$nl"
  done; IFS=$ws
}

# As report_files, and leaves the files open for the fetches that follow, with what one `stat` has told of all of them.
report_closed() {
  fetched='' reported=''
  open_fetched
  IFS=$nl; for entry in $j_files; do IFS=$ws # KIND STAMP ID PATH
    set -- $entry
    find_opened "$1" && [ "$opened_id" = "$3" ] && locate_file "${entry#* * * }" || { code=finished; report_files; return; }
    reported="${reported}file $1 $2 ${length:-$opened_size}$nl"
  done; IFS=$ws
  out=$out$reported
  code=finished
}

send_opened() { # after read_entry and find_opened
  locate_file "$fetched_path" || { code=vanished; return; }
  length=${length:-$opened_size}
  [ "$opened_id" = "$fetched_id" ] && [ "$opened_size" -ge $((offset + length)) ] || { code=vanished; return; }
  [ "$length" -le "$max" ] || { say size "$length"; code=big; return; }
  printf 'size %s\n' "$length"
  if [ "$offset" = 0 ]; then head -c "$length" <&"$descriptor"
  else tail -c +$((offset + 1)) <&"$descriptor" | head -c "$length"; fi
  code=ok
}

close_opened() {
  IFS=$nl; for entry in $opened; do IFS=$ws
    eval "exec ${entry%% *}<&-"
  done; IFS=$ws
  opened=
}

# What is not where it was made is told as vanished, and so is what was asked for and never found: it may lie elsewhere.
verb_drop() {
  is_token "${1-}" || { code=bad; return; }
  token=$1
  read_journal || { code=${unread:-unknown}; return; }
  [ -n "$j_closed" ] || { code=open; return; }
  kept='' folder='' removals=''
  IFS=$nl; for entry in $j_files; do IFS=$ws # KIND STAMP ID PATH
    set -- $entry
    path=${entry#* * * }
    case $path in /*) ;; *) continue ;; esac # what it printed is not ours to remove
    case $j_gone in *" $3 "*) continue ;; esac
    locate_file "$path" || { say file "$1 $2 vanished"; continue; }
    [ "${path%/*}" = "$folder" ] || { remove_files; removals=''; }
    folder=${path%/*} removals="$removals$entry$nl"
  done; IFS=$ws
  remove_files
  [ -z "$kept" ] || { code=blind; return; }
  [ -z "$j_dump" ] || [ -n "$j_dumped" ] || say file 'goroutines 0000000000 vanished'
  [ "$j_place" != target ] || remove_directory
  cd /
  [ "$j_mode" != command ] || rm -rf "$home/$token.d"
  forget_old_journals && code=ok
}

# Removes the files of `removals`, all of one directory, with one `stat` and one `rm`. From within that directory, so that
# a link which is put in its place meanwhile leads nowhere.
remove_files() { # -> kept: 1 where it is not known whether they are gone
  [ -n "$removals" ] || return 0
  set -- "${removals%%"$nl"*}"
  locate_file "${1#* * * }" && cd -P "${place%/*}" || return 0
  set --
  IFS=$nl; for removal in $removals; do IFS=$ws
    [ -h "./${removal##*/}" ] || set -- "$@" "./${removal##*/}"
  done; IFS=$ws
  [ $# -gt 0 ] || return 0
  identities=$nl$(stat -L -c '%d:%i:%u %n' "$@")$nl
  sort_removals
  set --
  IFS=$nl; for removal in $removals; do IFS=$ws; set -- "$@" "./${removal##*/}"; done; IFS=$ws
  [ $# -gt 0 ] || return 0
  rm -f "$@"
  IFS=$nl; for removal in $removals; do IFS=$ws
    set -- $removal
    if [ -e "./${removal##*/}" ]; then kept=1; else note "gone $3"; say removed "$1"; fi
  done; IFS=$ws
}

sort_removals() { # identities -> removals: those that are still what was made for the token; says which are not
  unsorted=$removals removals=''
  IFS=$nl; for removal in $unsorted; do IFS=$ws
    set -- $removal
    [ ! -h "./${removal##*/}" ] || continue
    case $identities in
    *"$nl$3 ./${removal##*/}$nl"*) removals="$removals$removal$nl" ;;
    *" ./${removal##*/}$nl"*) say file "$1 $2 vanished" ;;
    *) kept=1 ;;
    esac
  done; IFS=$ws
}
