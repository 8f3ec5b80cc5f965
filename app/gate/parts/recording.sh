# shellcheck shell=sh
# A go-zero recording: six files, which the process opens one after the other and closes in the same order, `cpu` first.
# The trace stays open.
#
# Whether the recording is still on is seen by builtins alone where all of its files lie where they were made. Otherwise
# they are listed, and told by device, inode and owner.
#
# Provides:
#   is_recording        is this token's recording still on? -> ours, live_kinds; or unreadable
#   wait_until_open     until all six files are open, for some seconds; journals them
#   wait_until_closed   until none of them is open where it was made; fails when `looks` is used up
# Sets:
#   ours: the kinds of this recording that are open
#   looks: how often somebody has looked; 40 at most in one verb
#   open_files, live_kinds, unreadable: as open_files.sh
# Expects:
#   nl, ws, short_sleep, same_file: setup.sh
#   ns, image, read_stat: identity.sh
#   kind, stamp, open_ids, unknown, visible, list_unknown, read_profile_name, scan_open_files, identify_open_files: open_files.sh
#   j_files, j_base, j_image: journal.sh
#   profile_dir, held, strangers, find_profile_dir, list_held, record_files: files.sh

is_recording() {
  ours='' open_files='' live_kinds='' unreadable=''
  list_held
  if all_held; then
    ours=' cpu mem mutex block threadcreate' live_kinds=$ours
    return 0
  fi
  # Nothing else is open than the traces that this token has left open.
  if [ -n "$visible" ] && [ -z "$strangers" ] && ! any_held; then return 1; fi
  scan_open_files
  [ -z "$unreadable" ] && [ -n "$live_kinds" ] && identify_open_files || return 1
  IFS=$nl; for entry in $j_files; do IFS=$ws
    set -- $entry
    case $1 in trace | goroutines) continue ;; esac
    case $open_ids in *"$nl${3-} fd/"*) ours="$ours $1" ;; esac
  done; IFS=$ws
  [ -n "$ours" ]
}

all_held() { # and the journal knows all six
  case $nl$j_files in *"${nl}trace "*) ;; *) return 1 ;; esac
  for kind in cpu mem mutex block threadcreate; do
    case "$held " in *" $kind "*) ;; *) return 1 ;; esac
  done
}

any_held() { # but for a trace or a dump, which say nothing
  case "$held " in *" cpu "* | *" mem "* | *" mutex "* | *" block "* | *" threadcreate "*) ;; *) return 1 ;; esac
}

wait_until_open() {
  looks=0
  [ -n "$profile_dir" ] || find_profile_dir
  while :; do
    open_by_name
    if all_named; then break; fi
    [ -n "$open_files" ] || scan_open_files
    # The last to be opened: only a look that was begun after it sees all six.
    case $live_kinds in *threadcreate*) scan_open_files; break ;; esac
    [ $looks -lt 60 ] && read_stat stat && [ "$image" = "$j_image" ] || { scan_open_files; break; }
    looks=$((looks + 1))
    short_sleep
  done
  record_files
}

# -> open_files: as scan_open_files, of new files that lie in profile_dir. By builtins alone; sees no others.
open_by_name() {
  open_files='' open_ids='' live_kinds='' unreadable=''
  ! is_jailed || return 0
  list_unknown || return 0
  set +f; set -- "$profile_dir"/*-"$ns"-*-??????????.pprof; set -f
  for file; do
    read_profile_name "$file" && is_new "$kind" "$stamp" || continue
    for descriptor in $unknown; do
      same_file "$descriptor" "$file" || continue
      open_files="$open_files${descriptor#fd/} $kind $stamp ${file#root}$nl"
      [ "$kind" = trace ] || live_kinds="$live_kinds $kind"
      break
    done
  done
}

# In a chroot a path from its own root leads nowhere once the process has died. `ls` tells the one from ours.
is_jailed() { ! same_file root / && same_file ns/mnt /proc/self/ns/mnt; }

all_named() {
  case $nl$open_files in *" trace "*) ;; *) return 1 ;; esac
  for kind in cpu mem mutex block threadcreate; do
    case "$live_kinds " in *" $kind "*) ;; *) return 1 ;; esac
  done
}

wait_until_closed() {
  while :; do
    looks=$((looks + 1))
    [ $looks -lt 40 ] || return 1
    short_sleep
    list_held
    any_held || return 0
  done
}
