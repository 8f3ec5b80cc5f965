# shellcheck shell=sh
# Which files does the pinned process hold open? Profiles are regular files; most processes hold few of these.
#
# Whatever could not be seen is not taken for absent: a list that is judged by ends with a mark of whoever made it.
# Without the mark nothing could be started, or its output was cut off.
#
# Provides:
#   list_regular           the regular files that are open -> regular: `fd/N fd/N…`; visible: could anything be seen?
#   scan_open_files        profiles that are open -> open_files: lines `FD KIND STAMP PATH`; live_kinds; unreadable
#   identify_open_files    after it -> open_ids: lines `DEVICE:INODE:OWNER fd/N`
#   list_held_ids          all regular files that are open -> held_ids: lines `DEVICE:INODE`; or code: blind
# Sets:
#   regular, visible: see list_regular
#   open_files: see scan_open_files
#   live_kinds: kinds that only a running recording holds open (go-zero never closes a trace)
#   unreadable: why the open files could not be told: gone, blind or unreadable; empty if they could
#   open_ids, held_ids: see above
#   code: blind
# Expects:
#   nl, ws, short_sleep: setup.sh
#   ns, read_stat: identity.sh

list_regular() {
  set +f; set -- fd/*; set -f
  regular='' visible=''
  for descriptor; do
    [ -e "$descriptor" ] && visible=1
    [ -f "$descriptor" ] && regular="$regular $descriptor"
  done
  [ -n "$regular" ]
}

# Does it hold any regular file open? Asking that forks nothing.
any_regular() {
  set +f; set -- fd/*; set -f
  visible=
  for descriptor; do
    [ -e "$descriptor" ] && visible=1
    [ -f "$descriptor" ] && return 0
  done
  return 1
}

scan_open_files() {
  open_files='' live_kinds='' unreadable='' open_ids='' scans=0
  until any_regular; do
    [ -z "$visible" ] || return 0
    read_stat stat || { unreadable=gone; return 0; } # a process that is about to end has no files any more
    scans=$((scans + 1))
    [ $scans -lt 10 ] || { unreadable=unreadable; return 0; }
    short_sleep
  done
  # The last line says that all were listed. What is no line of a link is part of a name with a line break: nobody could
  # tell a recording's files by such names. busybox's ls fails when a descriptor vanishes while it lists them (1).
  open_files=$({ ls -ln fd/; echo ".$?"; } | sed -n -e '/^\.[01]$/{p;d;}' -e '/^total /d' -e '/^l/!{s/.*/odd/p;d;}' \
    -e "s@^.* \([0-9][0-9]*\) -> \(/.*-$ns-\([a-z]*\)-\([0-9]\{10\}\)\.pprof\)\( (deleted)\)*\$@\1 \3 \4 \2@p")
  case $nl$open_files in
  *"$nl".[01]) open_files=${open_files%.?} ;;
  *) open_files='' unreadable=blind; return 0 ;;
  esac
  IFS=$nl; for entry in $open_files; do IFS=$ws
    set -- $entry
    [ "$entry" != odd ] || unreadable=unreadable
    case ${2-} in cpu | mem | mutex | block | threadcreate) live_kinds="$live_kinds $2" ;; esac
  done; IFS=$ws
}

identify_open_files() {
  [ -z "$open_ids" ] || return 0
  [ -n "$open_files" ] || return 0
  descriptors=
  IFS=$nl; for entry in $open_files; do IFS=$ws
    descriptors="$descriptors fd/${entry%% *}"
  done; IFS=$ws
  open_ids=$nl$(stat -L -c '%d:%i:%u %n' $descriptors; echo ".$?")
  case $open_ids in *"$nl".[01]) ;; *) open_ids='' unreadable=blind; return 1 ;; esac
}

list_held_ids() {
  held_ids=$nl
  list_regular || return 0
  held_ids=$nl$(stat -L -c '%d:%i' $regular; echo ".$?")
  case $held_ids in *"$nl".[01]) ;; *) code=blind; return 1 ;; esac
}
