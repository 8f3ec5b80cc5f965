# shellcheck shell=sh
# The dead-man's switch: a process on the target that ends the recording whatever becomes of alertprof. It is alive before
# the signal is sent, and bound to its token. A session that is torn down (TERM) means: stop now. For a recording that
# ends by itself TERM means nothing: only what is open long after its end is ended, by one signal.
#
# From the signal on it may be that no process can be started any more, and then dash ends itself. So what the switch
# waits for runs before: its `read` ends when the alarm does, and the first try to stop the recording is of builtins alone.
#
# Provides:
#   arm_switch SECONDS MODE   starts it, and waits until the journal names it; or code: unarmed
#   is_overdue                after read_status: is a recording open that had to end by itself?
#   can_take_signal           after read_status: would the process take a signal at once?
# Sets:
#   in_switch: 1 in the switch itself
#   code: unarmed
# Expects:
#   nl, ws, now, read_uptime, short_sleep, same_file: setup.sh
#   own_id, start, state, pending, tracer, pin_process, read_stat, read_status, is_alive, read_own_id: identity.sh
#   pid: identity.sh
#   find_signal_thread, handles_usr2: handlers.sh
#   note, read_journal, unread, j_start, j_image, j_mode, j_stop, j_due, j_closed, j_switch, j_left: journal.sh
#   j_files, j_signals, j_sent, j_recipe: journal.sh
#   lock, unlock, lock_held: lock.sh
#   send_signal, may_take, signalled_recently, mark_signalled, report_harm: signals.sh
#   locate_file, place: files.sh
#   note_stop, end_recording, give_up_overdue: ending.sh
#   use_recipe: recipes.sh
#   end_signal_recording: signal_ending.sh
#   wanted_start: of the verb

arm_switch() {
  run_alarm "$@" </dev/null | dead_mans_switch "$@" &
  waits=0
  until read_journal && [ -n "$j_switch" ] && is_alive "$j_switch"; do
    waits=$((waits + 1))
    [ $waits -lt 300 ] || { code=unarmed; return 1; }
    [ $waits -lt 200 ] || short_sleep
  done
}

run_alarm() { # SECONDS MODE: prints its own `PID:START`, then a line now and then, for as long as it can
  trap '' HUP PIPE INT
  [ "$2" != timed ] || trap '' TERM
  read_uptime
  alarm_at=$((now + $1)) tick=0
  sleep "$1" &
  start=0
  read_stat "/proc/$!/stat"
  printf '%s\n' "$!:$start"
  while read_uptime; left=$((alarm_at - now)); [ $left -gt 0 ]; do
    [ $tick -eq 5 ] || tick=$((tick + 1)) # a signal that harms does so at once
    [ $left -lt $tick ] || left=$tick
    sleep $left && echo || exit 0
  done
}

dead_mans_switch() { # SECONDS MODE
  lock_held='' torn_down=''
  trap 'torn_down=1' TERM
  trap '' HUP PIPE INT
  [ "$2" != timed ] || trap '' TERM
  exec >/dev/null
  read -r alarm || exit 0
  read_own_id
  note "dog $own_id" # its name in journals
  read_uptime
  switch_at=$((now + $1))
  while [ -z "$torn_down" ] && read -r _ && read_uptime && [ "$now" -lt "$switch_at" ]; do
    still_needed || { stop_alarm; exit 0; }
  done
  still_needed || { stop_alarm; exit 0; }
  case $j_mode-$j_stop in timed-* | signal-?*) ;; *) note fired ;; esac
  # What else may ask for the signal by now is not seen without another process: only where none can be started.
  case $j_mode in timed) trap end_without_forks EXIT ;; *) end_without_forks; unlock ;; esac
  while :; do
    code=error
    case $j_mode in signal) end_signal_recording ;; *) end_recording; give_up_overdue ;; esac
    unlock
    case $code in finished | gone | replaced | foreign) break ;; esac
    [ -z "$j_left" ] && still_needed || break
    sleep 1
  done
  stop_alarm
  trap - EXIT
  exit 0
}

still_needed() { # may the recording still have to be ended? What cannot be seen may
  pin_process "$pid" "$wanted_start" "$j_image" || [ "$code" = blind ] || {
    why_ended=$code
    read_journal
    code=$why_ended
    report_harm
    return 1
  }
  read_journal || [ -n "$unread" ] || return 1
  [ -z "$j_closed" ]
}

stop_alarm() { ! is_alive "$alarm" || kill "${alarm%%:*}"; }

end_without_forks() { # sends what ends it, if it can be seen without another process that it is needed
  in_switch=1
  { [ -n "$lock_held" ] || lock "$pid" "$wanted_start"; } && read_journal && [ -z "$j_closed$j_stop" ] &&
    pin_process "$pid" "$wanted_start" && read_status && ! signalled_recently || return
  case $j_mode in
  toggle) cpu_file_is_open && find_signal_thread && handles_usr2 && set -- USR2 ;;
  timed) is_overdue && cpu_file_is_open && find_signal_thread && handles_usr2 && set -- USR2 && note fired ;;
  signal) # FIRST NUMBER LAST NUMBER
    set -- $j_signals
    [ -n "$j_sent" ] && [ $# -eq 4 ] && [ "$1" != "$3" ] && use_recipe "$j_recipe" signal && may_take "$4" && set -- "$3"
    ;;
  esac || return
  read_uptime
  note_stop; mark_signalled
  send_signal "$1" "$j_image"
}

cpu_file_is_open() { # the first of our files, where it was made
  IFS=$nl; for entry in $j_files; do IFS=$ws
    case $entry in
    'cpu '*) locate_file "${entry#* * * }" || return; set +f; set -- fd/*; set -f; break ;;
    *) set -- ;;
    esac
  done; IFS=$ws
  for descriptor; do same_file "$descriptor" "$place" && return; done
  return 1
}

is_overdue() {
  [ -z "$j_stop" ] && [ -n "$j_due" ] && read_uptime && [ "$now" -ge "$j_due" ] || return 1
  can_take_signal
}

can_take_signal() {
  case $state$pending in [TtD]* | *[89a-f]??) return 1 ;; esac
  [ "$tracer" = 0 ] && ! is_frozen
}

is_frozen() { # a frozen process would take the signal after its recording has ended
  while IFS= read -r group; do
    case $group in
    0::*)
      while read -r key value; do
        [ "$key" != frozen ] || [ "$value" != 1 ] || return 0
      done <"/sys/fs/cgroup${group#0::}/cgroup.events"
      ;;
    esac
  done <cgroup
  return 1
}
