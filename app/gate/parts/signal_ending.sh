# shellcheck shell=sh
# A signal of the configuration: the one that ends a recording, and the wait for the files.
#
# Provides:
#   end_signal_recording     sends the signal that ends it, once, if there is one; then waits for the files -> code
#   report_signal_files      how far it is; changes nothing -> code: open or finished
# Sets:
#   wanted_start: the start time of the token's process
#   j_again: journal.sh
#   code: finished, open, gone, unconfirmed, or why not
# Expects:
#   now, say, read_uptime, short_sleep: setup.sh
#   pin_process, read_stat, read_status: identity.sh
#   tmp, read_program: program.sh
#   note, read_journal, close_journal, j_pid, j_start, j_image, j_closed, j_sent, j_took, j_stop, j_end: journal.sh
#   j_recipe, j_signals: journal.sh
#   lock: lock.sh
#   send_signal, may_take, signalled_recently, mark_signalled: signals.sh
#   report_files: files.sh
#   note_stop: ending.sh
#   sure, use_recipe: recipes.sh
#   fresh, gather_files, files_are_ready, files_are_closed, nothing_is_added, number_files: signal_files.sh
#   free, read_free_space: space.sh

end_signal_recording() {
  lock "$j_pid" "$j_start" || return
  read_journal
  [ -z "$j_closed" ] || { code=finished; return; }
  pin_process "$j_pid" "$j_start" || { case $code in gone | replaced) close_journal ;; esac; return; }
  wanted_start=$j_start
  read_status || { [ "$code" != gone ] || close_journal; return; }
  [ -n "$j_sent" ] || { close_journal; code=unconfirmed; return; }
  read_program || return
  fresh=''
  use_recipe "$j_recipe" signal && gather_files
  set -- $j_signals
  end_by_signal "$@" || return
  use_recipe "$j_recipe" signal || return
  wait_for_files || return
  number_files keep
  close_journal
  code=finished
}

end_by_signal() { # [FIRST NUMBER LAST NUMBER]
  [ $# -eq 4 ] || return 0
  if [ -z "$j_stop" ]; then
    if [ "$1" = "$3" ]; then # a toggle: after its end the same signal might begin another recording
      ! files_are_closed || return 0
      [ -n "$j_took$fresh" ] || { close_journal; code=unconfirmed; return 1; }
    fi
    may_take "$4" || return
    while signalled_recently; do short_sleep; done
    read_uptime
    note_stop; mark_signalled
    send_signal "$3" "$j_image" || return
  elif [ "$1" != "$3" ] && [ -z "$j_again" ] && read_uptime && [ $((now - j_stop)) -ge 8 ] && ! files_are_ready; then
    may_take "$4" || return
    note "again $now"; mark_signalled
    send_signal "$3" "$j_image" || return
  fi
}

wait_for_files() { # until the same files are ready twice: they may come one after the other; or code
  looks=0 ready_before=
  while :; do
    gather_files
    read_uptime
    if files_are_ready; then
      [ "$fresh" != "$ready_before" ] || return 0
      ready_before=$fresh
      [ "$sure" != quiet ] || [ "$now" -lt "$j_end" ] || return 0 # a log has no end
    fi
    [ -n "$fresh" ] || [ "$now" -lt $((j_end + 60)) ] || { close_journal; code=unconfirmed; return 1; }
    read_stat stat || { close_journal; code=gone; return 1; }
    looks=$((looks + 1))
    [ $looks -lt 6 ] || { code=open; return 1; }
    sleep 0.4 || sleep 1
  done
}

report_signal_files() {
  [ -z "$j_closed" ] || { code=finished; report_files; return; }
  pin_process "$j_pid" "$j_start" || return
  read_status || return
  use_recipe "$j_recipe" signal || return
  read_program || return
  gather_files
  code=open
  set -- $j_signals
  if is_sent_last "$@" && signal_files_are_whole; then code=finished; fi
  say open file
  read_free_space "root$tmp"; say free "$free"
  number_files say
}

is_sent_last() { # [FIRST NUMBER LAST NUMBER]: was the last signal sent, or is there none?
  [ $# -lt 4 ] || [ -n "$j_stop" ]
}

signal_files_are_whole() {
  case $sure in closed) files_are_ready ;; quiet) nothing_is_added ;; *) false ;; esac
}
