# shellcheck shell=sh
# What does a process do with a signal? Answered from the masks in /proc/PID/status and /proc/PID/task/*/status.
#
# The bits are looked up in hex digits, never by arithmetic: dash's numbers saturate. SIGUSR1 (10) and SIGUSR2 (12) are
# bits 9 and 11, both in the third digit from the right.
#
# Provides:
#   find_signal_thread      SigBlk of a Go program's signal thread -> mask; empty where none looks like one. Never fails
#   handles_usr1, handles_usr2   would the signal be caught, and reach somebody who asked for it?
#   mask_has MASK NUMBER    is the signal's bit set?
# Sets:
#   mask: see find_signal_thread
# Expects:
#   pid, caught: identity.sh

# A Go program's signal thread blocks everything but what the program asked for. No other thread's mask looks like that.
find_signal_thread() {
  mask='' looked_at=0
  eval "thread=\${signal_thread_$pid-}" # where it was the last time
  set +f; set -- $thread task/*/status; set -f
  for thread; do
    [ $looked_at -lt 64 ] || break # it is one of the first, if there is one
    looked_at=$((looked_at + 1))
    ! is_signal_thread || return 0
  done
  [ $# -gt 64 ] || return 0
  # A line takes the shell hundreds of reads, and thousands of threads as many seconds.
  thread=$(for thread; do echo "$thread"; done | xargs grep -lsE '^SigBlk:.fffffffc[0-9a-f]{8}$' | head -n 1)
  [ -z "$thread" ] || is_signal_thread || :
}

is_signal_thread() { # -> mask, where it is
  blocked='' thread_reads=0
  until [ -n "$blocked" ] || [ $thread_reads -eq 20 ]; do
    while read -r key value; do case $key in SigBlk:) blocked=$value; break ;; esac; done <"$thread"
    thread_reads=$((thread_reads + 1))
    [ -f "$thread" ] || break
  done
  case $blocked in fffffffc????????) mask=$blocked; eval "signal_thread_$pid=\$thread" ;; *) return 1 ;; esac
}

handles_usr1() {
  case $mask in '' | *[014589cd]??) ;; *) return 1 ;; esac
  case $caught in *[2367abef]??) ;; *) return 1 ;; esac
}

handles_usr2() {
  case $mask in '' | *[0-7]??) ;; *) return 1 ;; esac
  case $caught in *[89a-f]??) ;; *) return 1 ;; esac
}

mask_has() {
  digit=$((($2 - 1) / 4)) behind=
  while [ $digit -gt 0 ]; do behind="$behind?" digit=$((digit - 1)); done
  case $((($2 - 1) % 4)) in 0) digit='[13579bdf]' ;; 1) digit='[2367abef]' ;; 2) digit='[4-7c-f]' ;; 3) digit='[89a-f]' ;; esac
  # shellcheck disable=SC2254 # both are patterns
  case $1 in *$digit$behind) ;; *) return 1 ;; esac
}
