# shellcheck shell=sh
# Which files does the pinned process hold open? Profiles are regular files; most processes hold few of these.
#
# Whatever could not be seen is not taken for absent: a list that is judged by ends with a mark of whoever made it.
# Without the mark nothing could be started, or its output was cut off.
#
# Provides:
#   list_regular           the regular files that are open -> regular: `fd/N fd/N…`; visible: could anything be seen?
#   list_unknown           those that may be profiles -> unknown, in the same form
#   read_profile_name PATH -> kind, stamp; fails for what is no profile of this process
#   scan_open_files        profiles that are open -> open_files: lines `FD KIND STAMP PATH`; live_kinds; unreadable
#   identify_open_files    after it -> open_ids: lines `DEVICE:INODE:OWNER fd/N SIZE`
#   list_held_ids          all regular files that are open -> held_ids: lines `DEVICE:INODE`; or code: blind
# Sets:
#   regular, visible, unknown: see above
#   kind, stamp: of a profile
#   other: what a scan has seen a descriptor to be, if that was no profile
#   open_files: see scan_open_files
#   live_kinds: kinds that only a running recording holds open (go-zero never closes a trace)
#   unreadable: why the open files could not be told: gone, blind or unreadable; empty if they could
#   open_ids, held_ids: see above
#   code: blind
# Expects:
#   nl, ws, short_sleep, same_file, is_number: setup.sh
#   pid, ns, read_stat: identity.sh

list_regular() {
  set +f; set -- fd/*; set -f
  regular='' visible=''
  for descriptor; do
    [ -e "$descriptor" ] && visible=1
    [ -f "$descriptor" ] && regular="$regular $descriptor"
  done
  [ -n "$regular" ]
}

# What a scan has seen to be another file, and what is that very file still, need not be listed again. Each descriptor has
# a variable of its own: a long list would be searched anew for every one of them.
list_unknown() { # -> unknown: regular files that are open and may be profiles
  list_regular
  unknown=''
  for descriptor in $regular; do
    eval "other=\${other_${pid}_${descriptor#fd/}-}"
    [ -n "$other" ] && { same_file "$descriptor" "root$other" || same_file "$descriptor" "$other"; } ||
      unknown="$unknown $descriptor"
  done
  [ -n "$unknown" ]
}

scan_open_files() {
  open_files='' live_kinds='' unreadable='' open_ids='' scans=0
  until list_unknown; do
    [ -z "$visible" ] || return 0
    read_stat stat || { unreadable=gone; return 0; } # a process that is about to end has no files any more
    scans=$((scans + 1))
    [ $scans -lt 10 ] || { unreadable=unreadable; return 0; }
    short_sleep
  done
  set -- $unknown
  [ $# -le 1000 ] || set -- fd/
  scans=0
  until listing=$nl$(ls -ln "$@"; echo ".$?"); all_listed "$@"; do
    scans=$((scans + 1))
    [ $scans -lt 3 ] || { unreadable=blind; return 0; }
  done
  IFS=$nl; for entry in ${listing%.?}; do IFS=$ws
    case $entry in
    'total '*) continue ;;
    l*' -> '*) read_link "$entry" ;;
    *) unreadable=unreadable ;; # the same: nobody could tell a recording's files by such names
    esac
  done; IFS=$ws
}

# Without the mark, nothing could be started. ls fails for a descriptor that vanishes while it lists them; each that was
# not listed must have vanished. One that is in use again by then is there and was not listed: list them again.
all_listed() { # OPERAND…
  case $listing in *"$nl".[01]) return 0 ;; *"$nl".2) ;; *) return 1 ;; esac
  for descriptor; do
    case $listing in *" $descriptor -> "*) ;; *) [ ! -e "$descriptor" ] || return 1 ;; esac
  done
}

read_link() { # LINE of ls -> open_files, live_kinds
  descriptor=${1%%" -> "*}; descriptor=${descriptor##* }; descriptor=${descriptor##*/}
  is_number "$descriptor" 7 || { unreadable=unreadable; return 0; } # part of a name with a line break
  path=${1#*" -> "}
  while [ "$path" != "${path%" (deleted)"}" ]; do path=${path%" (deleted)"}; done
  case $path in /*) ;; *) return 0 ;; esac
  if read_profile_name "$path"; then
    open_files="$open_files$descriptor $kind $stamp $path$nl"
    case $kind in cpu | mem | mutex | block | threadcreate) live_kinds="$live_kinds $kind" ;; esac
  else
    eval "other_${pid}_$descriptor=\$path"
  fi
}

read_profile_name() { # PATH -> kind, stamp; fails for what is no profile of this process
  case $1 in *-"$ns"-*-??????????.pprof) ;; *) return 1 ;; esac
  stamp=${1%.pprof}; kind=${stamp%-*}
  stamp=${stamp##*-}
  case $stamp in *[!0-9]*) return 1 ;; ??????????) ;; *) return 1 ;; esac
  case ${kind%-*} in *-"$ns") ;; *) return 1 ;; esac
  kind=${kind##*-}
  case $kind in *[!a-z]*) return 1 ;; esac
}

identify_open_files() {
  [ -z "$open_ids" ] || return 0
  [ -n "$open_files" ] || return 0
  set --
  IFS=$nl; for entry in $open_files; do IFS=$ws
    set -- "$@" "fd/${entry%% *}"
  done; IFS=$ws
  open_ids=$nl$(stat -L -c '%d:%i:%u %n %s' "$@"; echo ".$?")
  case $open_ids in *"$nl".[01]) ;; *) open_ids='' unreadable=blind; return 1 ;; esac
}

list_held_ids() {
  held_ids=$nl
  list_regular || return 0
  set -- $regular
  held_ids=$nl$(stat -L -c '%d:%i' "$@"; echo ".$?")
  case $held_ids in *"$nl".[01]) ;; *) code=blind; return 1 ;; esac
}
