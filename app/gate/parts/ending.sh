# shellcheck shell=sh
# The end of a go-zero recording: the signal that ends it is sent once, and once more only if it was lost.
#
# Provides:
#   end_recording      sees to it that the token's recording ends -> code: finished, open (ask again), or why not
#   note_stop          notes the signal that ends a recording before it is sent
#   give_up_overdue    leaves alone what should have ended by itself and will not be ended
# Sets:
#   wanted_start: the start time of the token's process
#   j_stop, j_again, j_fired, j_left: journal.sh
#   code: see end_recording
# Expects:
#   now, read_uptime, short_sleep: setup.sh
#   state, pending, pin_process, read_status: identity.sh
#   find_signal_thread, handles_usr2: handlers.sh
#   live_kinds, unreadable, open_files, scan_open_files: open_files.sh
#   read_program: program.sh
#   no_other_asker: askers.sh
#   home, note, read_journal, close_journal, j_pid, j_start, j_image, j_mode, j_files, j_due: journal.sh
#   lock: lock.sh
#   send_signal, signalled_recently, mark_signalled: signals.sh
#   record_files, find_files: files.sh
#   ours, looks, is_recording, wait_until_closed: recording.sh
#   is_overdue, can_take_signal: switch.sh
#   token: of the verb

end_recording() {
  lock "$j_pid" "$j_start" || return
  read_journal
  pin_process "$j_pid" "$j_start" "$j_image" || { case $code in gone | replaced) close_journal ;; esac; return; }
  wanted_start=$j_start
  read_status || { [ "$code" != gone ] || close_journal; return; }
  read_program || return
  looks=0
  while :; do
    [ -n "$j_files" ] || { scan_open_files; [ -n "$unreadable" ] || record_files; }
    if is_recording; then
      code=open
      end_once || return
    else
      [ -z "$unreadable" ] || { code=$unreadable; return; }
      find_ended || return
    fi
  done
}

find_ended() { # after is_recording has failed -> code: finished, foreign or open; succeeds where one has to look again
  [ -n "$j_files" ] || { find_files; [ -z "$j_files" ] || return 0; } # they may have been opened since the scan
  [ -z "$unreadable" ] || { code=$unreadable; return 1; }
  if [ -z "$j_files" ] && [ "$looks" -lt 40 ]; then looks=$((looks + 1)); short_sleep; return 0; fi
  [ -z "$live_kinds" ] || [ -n "$j_files" ] || { code=foreign; return 1; }
  [ -n "$j_files" ] || ! may_still_start || { code=open; return 1; }
  close_journal
  code=finished
  return 1
}

end_once() { # after is_recording: sends the signal, if it is ours to send, and waits -> code: open, or why not
  case $j_mode in timed) read_status && is_overdue || return ;; toggle) ;; *) return 1 ;; esac
  known_files=$j_files
  record_files # of what a full disk has kept out of the journal
  [ "$j_files" = "$known_files" ] || is_recording || { looks=$((looks + 1)); short_sleep; [ "$looks" -lt 40 ]; return; }
  # cpu closes first: where it is closed the end has begun, and a second signal would begin another recording.
  case $ours in *' cpu'*) ;; *) wait_until_closed; return ;; esac
  read_uptime
  if [ -z "$j_stop" ]; then
    find_signal_thread
    handles_usr2 || { code=deaf; return 1; }
    while signalled_recently; do short_sleep; done
    if [ "$j_mode" = timed ]; then no_other_asker || { code=open; return 1; }; note fired; j_fired=1; fi
    note_stop; mark_signalled
    send_signal USR2 "$j_image" || return
  elif [ -z "$j_again" ] && was_ignored; then # lost: once more
    find_signal_thread
    handles_usr2 || { code=deaf; return 1; }
    eval "again_at_$token=\$now"
    note "again $now"; j_again=$now; mark_signalled
    send_signal USR2 "$j_image" || return
  fi
  wait_until_closed
}

may_still_start() { # may it still begin what it was told to?
  read_status || return 0
  case $state in T | t | D) return 0 ;; esac
  case $pending in *[89a-f]??) ;; *) return 1 ;; esac
}

note_stop() { # where there is no room for the line, this shell remembers it, and a link does
  j_stop=$now
  eval "stopped_at_$token=\$now"
  note "stop $now" || ln -s "$now" "$home/$token.stop"
}

# Was it seen awake for eight seconds after the signal, and did not end? A process that was stopped meanwhile may have
# taken the signal, and end yet.
was_ignored() {
  read_status || return 1
  eval "set -- \${awake_$token:-0 0}" # since when, and when it was last seen so
  if ! can_take_signal; then set -- 0 0
  elif [ $((now - $2)) -le 5 ]; then set -- "$1" "$now"
  else set -- "$now" "$now"; fi
  eval "awake_$token='$1 $2'"
  [ "$1" != 0 ] && [ $((now - $1)) -ge 8 ]
}

give_up_overdue() {
  case $code-$j_mode-$j_left in open-timed- | deaf-timed-) ;; *) return 0 ;; esac
  [ -n "$j_due" ] && read_uptime && [ $((now - j_due)) -ge 60 ] || return 0
  note left
  j_left=1
}
