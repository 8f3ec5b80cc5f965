# shellcheck shell=sh
# How a command does, as asked from outside its keeper: told, and ended early.
#
# Provides:
#   stop_command         INT, at which profilers write what they have; then TERM, then KILL -> code: finished, open or busy
#   report_command       how it does; changes nothing -> code: open or finished
#   report_last_words    its exit status, and what it said last
# Sets:
#   code: see above
# Expects:
#   nl, ws, now, say, read_uptime, short_sleep: setup.sh
#   is_alive: identity.sh
#   home, note, read_journal, j_pid, j_start, j_closed, j_switch, j_ran, j_stop, j_again, j_place, j_exit: journal.sh
#   lock: lock.sh
#   report_files: files.sh
#   signal_command, end_command, settle_command: commands.sh
#   enter_directory: directory.sh
#   free, read_free_space: space.sh
#   token: of the verb

command_is_kept() { [ -z "$j_closed" ] && { is_alive "$j_switch" || is_alive "$j_ran"; }; }

stop_command() {
  lock "$j_pid" "$j_start" || return
  read_journal
  looks=0 interrupted_at=
  while command_is_kept; do
    read_uptime
    if [ -z "$j_stop$interrupted_at" ]; then interrupted_at=$now; note "stop $now"; signal_command INT; fi
    stopping_for=$((now - ${j_stop:-$interrupted_at}))
    if [ $stopping_for -ge 20 ]; then signal_command KILL
    elif [ $stopping_for -ge 10 ] && [ -z "$j_again" ]; then note "again $now"; signal_command TERM; fi
    looks=$((looks + 1))
    [ $looks -lt 40 ] || { code=open; return; }
    short_sleep
    read_journal
  done
  read_journal # the keeper may have closed it and left between two looks
  [ -n "$j_closed" ] || { end_command; settle_command || { code=blind; return; }; } # the keeper itself was killed
  code=finished
}

report_command() {
  if ! command_is_kept; then
    read_journal # its keeper may have closed the journal and left between the two looks
    code=finished
    report_last_words; report_files
    return
  fi
  code=open
  say open output
  if [ "$j_place" = target ]; then enter_directory && read_free_space "/proc/$j_pid/root/tmp"
  else cd "$home/$token.d" && read_free_space "$home"; fi || return
  say free "$free"
  used=$(du -sk .)
  set -- $used
  say file "output 0000000000 $((${1:-0} * 1024))"
}

report_last_words() {
  [ -z "$j_exit" ] || say exit "$j_exit"
  IFS=$nl; for words in $(tail -n 10 "$home/$token.d/said" | tr -d '\000'); do IFS=$ws
    say error "$words"
  done; IFS=$ws
}
