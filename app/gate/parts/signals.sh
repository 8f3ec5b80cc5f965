# shellcheck shell=sh
# A signal is sent: after a last look at the identity, with no fork between that look and the kill, and once more after it.
#
# On the way to a signal nothing is forked that can be avoided: a fork costs a millisecond, reading /proc with builtins a
# tenth of one.
#
# Provides:
#   send_signal SIGNAL IMAGE [LINE]   to the pinned process; LINE is noted between the look and the kill
#   may_take_usr2        may SIGUSR2 be sent? All that could have changed since somebody looked; or code: why not
#   may_take NUMBER      the same of any signal: would it be caught, by somebody who asked for it?
#   is_untouched         may anything be done to it at all: is it no thread, not stopped, not traced?
#   signalled_recently   was the process signalled less than two seconds ago?
#   mark_signalled       it is signalled now
#   report_harm          after a verb: did the process end within seconds of a signal of ours?
# Sets:
#   code: journal, denied, thread, stopped, traced, deadly, pending, deaf
# Expects:
#   nl, now, now_hundredths, say, read_uptime, is_number: setup.sh
#   pid, state, tgid, caught, pending, tracer, pin_process, read_status: identity.sh
#   mask, find_signal_thread, handles_usr2, mask_has: handlers.sh
#   go_version: program.sh
#   home, note, j_after, j_died: journal.sh
#   shows: recipes.sh
#   wanted_start, token: of the verb

send_signal() {
  pin_process "$pid" "$wanted_start" "$2" || return 1
  [ -z "${3-}" ] || note "$3" || { code=journal; return 1; }
  read_uptime; note "after $1 $now_hundredths"; j_after="$1 $now_hundredths"
  kill -s "$1" "$pid" || { pin_process "$pid" "$wanted_start" "$2" && code=denied; return 1; }
  pin_process "$pid" "$wanted_start" "$2" || say warning died
}

is_untouched() {
  read_status || return 1
  [ "$tgid" = "$pid" ] || { code=thread; return 1; }
  case $state in T | t) code=stopped; return 1 ;; esac
  [ "$tracer" = 0 ] || { code=traced; return 1; }
}

may_take_usr2() {
  is_untouched || return 1
  case $caught in *[89a-f]??) ;; *) code=deadly; return 1 ;; esac
  case $pending in *[89a-f]??) code=pending; return 1 ;; esac
  find_signal_thread
  handles_usr2 || { code=deaf; return 1; }
}

# Go catches all signals, and dies of some that the program did not ask for. Which ones it asked for the mask of its signal
# thread tells, but for those that Go never blocks: there a function of the program's has to show it.
may_take() {
  mask_has "$caught" "$1" || { code=deadly; return 1; }
  ! mask_has "$pending" "$1" || { code=pending; return 1; }
  case $go_version$caught in go1.* | fffffff*) ;; *) return 0 ;; esac
  find_signal_thread
  case $1-$mask in
  *-) ;;
  1-* | 3-* | 5-* | 27-*) has_function && return 0 ;;
  *) mask_has "$mask" "$1" || return 0 ;;
  esac
  code=deaf
  return 1
}

has_function() { [ -n "$shows" ] && tr '\000' '\n' <exe | grep -aqxF -e "$shows"; }

# Two recordings in one second would share file names, and two signals in a millisecond become one.
signalled_recently() {
  { read -r _ last_signal <"$home/$pid-$wanted_start.last"; } || return 1
  is_number "$last_signal" 12 || return 1
  read_uptime
  [ $((now - last_signal)) -lt 2 ]
}

mark_signalled() {
  read_uptime
  printf '%s %s\n' "$token" "$now" >|"$home/$pid-$wanted_start.last"
}

report_harm() {
  if [ -z "$j_died" ]; then
    case $code-$j_after in gone-?* | replaced-?*) ;; *) return 0 ;; esac
    read_uptime
    set -- $j_after
    is_number "${2-}" 12 && [ $((now_hundredths - $2)) -le 1000 ] || return 0
    j_died="$((now_hundredths - $2)) $1"
    note "died $j_died"
  fi
  harm_after=${j_died%% *}
  case $harm_after in ?) harm_after=00$harm_after ;; ??) harm_after=0$harm_after ;; esac
  say ended "${harm_after%??}.${harm_after#"${harm_after%??}"} ${j_died#* }"
}
