# shellcheck shell=sh
# The verbs that signal a go-zero process. The same token never signals twice.
#
# Provides:
#   verb_start PID START IMAGE MODE SECONDS TOKEN [FENCE]
#                     every check, journal, dead-man's switch, SIGUSR2, six files open
#   verb_dump TOKEN   SIGUSR1, once, and the goroutine dump that it leaves
# Sets:
#   token, wanted_start: for everything that these verbs call
#   profile_dir: files.sh
#   code: started, replayed, ended, ok, or why not
# Expects:
#   nl, ws, now, say, is_number, is_token, short_sleep, same_file: setup.sh
#   pid, ns, uid, euid, state, pin_process, read_status: identity.sh
#   find_signal_thread, handles_usr1: handlers.sh
#   open_files, live_kinds, unreadable, scan_open_files: open_files.sh
#   mode, read_program: program.sh
#   no_other_asker: askers.sh
#   home, unread, note, read_journal, pass_fence, close_journal: journal.sh
#   j_pid, j_start, j_image, j_mode, j_files, j_sent, j_closed, j_dump, j_dumped, j_fence: journal.sh
#   lock: lock.sh
#   send_signal, may_take_usr2, signalled_recently, mark_signalled: signals.sh
#   stamps, list_stamps, keep_file, find_files, find_profile_dir, report_files, report_open: files.sh
#   is_recording, wait_until_open: recording.sh
#   arm_switch, arm_timer: switch.sh, timer.sh

verb_start() {
  [ $# -ge 6 ] && is_number "$5" 5 && is_token "$6" && is_number "${7-0}" 9 || { code=bad; return; }
  case $4 in toggle | timed) ;; *) code=bad; return ;; esac
  wanted_start=$2 wanted_image=$3 wanted_mode=$4 seconds=$5 token=$6 is_replay='' fence=${7-0}
  pin_process "$1" "$2" "$3" || return
  lock "$pid" "$wanted_start" || return
  read_journal
  pass_fence "$fence" || return
  if [ -n "$j_mode" ]; then replay_start || return; is_replay=1
  elif [ -n "$unread" ]; then code=blind; return
  fi
  may_take_usr2 && read_program || return
  [ "$mode" = "$wanted_mode" ] || { code=not; return; }
  no_other_asker || return
  wait_until_calm || return
  begin_journal || return
  grace=5
  [ "$wanted_mode" = toggle ] || grace=15
  arm_switch $((seconds + grace)) "$wanted_mode" && pin_process "$pid" "$wanted_start" "$wanted_image" || return
  mark_signalled
  [ "$wanted_mode" = toggle ] || note "due $((now + seconds + grace))" || { code=journal; return; }
  send_signal USR2 "$wanted_image" || return
  note "sent $now"; read_journal
  wait_until_open
  [ "$wanted_mode" = timed ] || arm_timer $((seconds + 15)) >/dev/null &
  if is_recording; then code=started; report_open || report_files
  else code=${unreadable:-unconfirmed}; pin_process "$pid" "$wanted_start" "$wanted_image"; fi
}

replay_start() { # the token is known: succeeds where it has not come to the signal
  { [ "$j_pid" = "$pid" ] && [ "$j_start" = "$wanted_start" ]; } || { code=replaced; return 1; }
  case $j_mode in toggle | timed) ;; *) code=bad; return 1 ;; esac
  if [ -n "$j_closed" ]; then # signalled, and nothing came of it: the switch may have closed it meanwhile
    code=ended
    [ -n "$j_files" ] || [ -z "$j_sent" ] || code=unconfirmed
    report_files
    return 1
  fi
  read_status && read_program || return
  wait_until_open
  is_recording || { find_files; is_recording; } && { # those that it found may have been opened since
    [ -n "$j_sent" ] || note 'sent 0'
    code=replayed
    report_files
    return 1
  }
  [ -z "$unreadable" ] || { code=$unreadable; return 1; }
  [ -z "$j_files" ] || { close_journal; code=ended; report_files; return 1; }
  [ -z "$j_sent" ] || { code=unconfirmed; return 1; } # signalled, and nothing came of it: never again
}

# File names have seconds: what is there already must not be written over. Waits for the next second, and looks again.
wait_until_calm() { # -> stamps; or code
  list_stamps pprof
  looks=0
  while signalled_recently || { [ -n "$stamps" ] && [ $looks -lt 20 ]; }; do
    scan_open_files
    [ -z "$live_kinds" ] || { code=already; return 1; }
    [ $looks -lt 60 ] || { code=recent; return 1; }
    looks=$((looks + 1))
    short_sleep
  done
  [ $looks = 0 ] || { may_take_usr2 && scan_open_files; } || return 1
  [ -z "$unreadable" ] || { code=$unreadable; return 1; }
  [ -z "$live_kinds" ] || { code=already; return 1; }
}

begin_journal() { # or code: journal
  IFS=$nl; for entry in $open_files; do IFS=$ws
    entry=${entry#* * }; stamps="$stamps ${entry%% *}"
  done; IFS=$ws
  [ -n "$is_replay" ] ||
    printf '%sbase%s\nintent %s %s %s %s\n' "${j_fence:+fence $j_fence$nl}" "$stamps" "$pid" "$wanted_start" "$wanted_image" "$wanted_mode" >|"$home/$token" ||
    { code=journal; return 1; }
}

verb_dump() {
  is_token "${1-}" || { code=bad; return; }
  token=$1
  read_journal || { code=${unread:-unknown}; return; }
  case $j_mode in toggle | timed) ;; *) code=bad; return ;; esac
  pin_process "$j_pid" "$j_start" "$j_image" || return
  wanted_start=$j_start
  lock "$pid" "$wanted_start" || return
  read_journal; read_status && read_program || return
  if [ -z "$j_dump" ]; then
    find_signal_thread
    handles_usr1 || { code=deaf; return; }
    case $state in T | t) code=stopped; return ;; esac
    list_stamps dump; note "dump$stamps "; read_journal
    send_signal USR1 "$j_image" || return
  else
    find_profile_dir
  fi
  looks=0
  while [ -z "$j_dumped" ] && [ $looks -lt 60 ]; do
    find_dump
    looks=$((looks + 1))
    [ -n "$j_dumped" ] || short_sleep
  done
  [ -n "$j_dumped" ] && code=ok || code=unconfirmed
}

find_dump() { # -> j_dumped: journals the dump that was not there before, once nobody writes it
  set +f; set -- "$profile_dir"/*-"$ns"-goroutines-??????????.dump; set -f
  for file; do
    [ -f "$file" ] && [ ! -h "$file" ] && [ -s "$file" ] || continue
    stamp=${file%.dump}; stamp=${stamp##*-}
    case $j_dump in *" $stamp "*) continue ;; esac
    ! is_open "$file" || continue
    id=$(stat -L -c '%d:%i:%u %h' "$file")
    case $id in
    *":$uid 1" | *":$euid 1") note "file goroutines $stamp ${id% 1} ${file#root}"; read_journal; return ;;
    esac
  done
}

is_open() { # FILE: does the process hold it open?
  file=$1
  set +f; set -- fd/*; set -f
  for descriptor; do same_file "$descriptor" "$file" && return; done
  return 1
}
