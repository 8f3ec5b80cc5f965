# shellcheck shell=sh
# A command of the configuration, under a keeper that ends it. Its processes are known by the token in their environment,
# whatever else they start and whoever their parents are.
#
# Provides:
#   keep_command    the keeper, to be run in the background: runs the command once, whatever happens, and ends it in time
#   end_command     ends all of its processes: TERM, and KILL after five seconds
#   signal_command SIGNAL   sends it to all of them, each looked at right before, with no fork between; were there any?
#   settle_command [STATUS] it has ended: notes its status and the file that it left; fails where nobody could look
# Sets:
#   output: where the command is to write
#   j_ran: journal.sh
# Expects:
#   now, read_uptime, short_sleep, is_number: setup.sh
#   own_id, start, read_own_id, read_stat, is_alive, stat_hidden: identity.sh
#   home, note, read_journal, close_journal, j_place: journal.sh
#   lock_held: lock.sh
#   keep_file: files.sh
#   put, grace: recipes.sh
#   enter_directory, make_directory: directory.sh
#   free, read_free_space: space.sh
#   token, secs, hash, size_limit, space_dir: of the verb run

keep_command() {
  lock_held='' torn_down=''
  trap 'torn_down=1' TERM
  trap '' HUP PIPE INT
  exec </dev/null >/dev/null
  folder=$home/$token.d
  # Whoever makes the directory runs the command, so that nobody does a second time.
  read_own_id; read_journal && mkdir -m 700 "$folder" && note "dog $own_id" || exit 0
  output=$folder/output
  if [ "$put" = target ]; then
    output=/tmp/.alertprof-$token/output
    make_directory || {
      printf 'alertprof: no directory could be made in its /tmp\n' >"$folder/said"
      settle_command 126
      exit 0
    }
  fi
  cd "$folder" && mkfifo -m 600 words || exit 0
  tail -c 2000 <words >said & # its last words are kept, however much it says
  listener=$!
  exec 4>|words
  trap end_command_without_forks EXIT
  start_command
  exec 4>&-
  rm -f words
  watch_command
  end_command
  while may_be_alive "$j_ran"; do end_command; short_sleep; done
  wait "$command_pid"; command_status=$?
  waits=0
  while [ $waits -lt 20 ] && kill -s 0 "$listener"; do waits=$((waits + 1)); short_sleep; done
  settle_command $command_status
  trap - EXIT
  exit 0
}

start_command() { # -> command_pid, j_ran
  (
    trap - PIPE
    ulimit -f "$size_limit"
    export "ALERTPROF=$token" "PATH=/usr/local/sbin:/usr/local/bin:$PATH"
    "r_$hash" go
  ) >&4 2>&4 4>&- &
  command_pid=$!
  start=0
  read_stat "/proc/$command_pid/stat"
  j_ran=$command_pid:$start
  note "ran $j_ran"
}

watch_command() { # until it has ended, its time is over, its session is torn down, or the disk is nearly full
  read_uptime
  command_until=$((now + secs + grace)) looks=0
  while may_be_alive "$j_ran"; do
    read_uptime
    looks=$((looks + 1))
    read_free_space "$space_dir"
    if [ -n "$torn_down" ] || [ "$now" -ge "$command_until" ] || { is_number "$free" 15 && [ "$free" -lt 65536 ]; }; then
      note fired
      break
    fi
    if [ $looks -lt 20 ]; then short_sleep; else sleep 1 & wait $!; fi
  done
}

may_be_alive() { is_alive "$1" || stat_hidden "${1%%:*}"; }

end_command() {
  looks=0
  ! signal_command TERM || while [ $looks -lt 60 ] && signal_command 0; do looks=$((looks + 1)); short_sleep; done
  while [ $looks -gt 0 ] && [ $looks -lt 200 ] && signal_command KILL; do looks=$((looks + 1)); short_sleep; done
}

signal_command() {
  signal=$1 any=1
  is_alive "$j_ran" && kill -s "$signal" "${j_ran%%:*}" && any=0
  processes=$(set +f; grep -lF "ALERTPROF=$token" /proc/[0-9]*/environ; echo ".$?")
  for process in $processes; do
    case $process in .[012]) continue ;; .*) any=0; continue ;; esac # not looked at: there may be some
    process=${process%/environ}; signal_if_ours "${process#/proc/}"
  done
  cd /
  return $any
}

signal_if_ours() { # PID -> any
  [ "$1" != "${j_ran%%:*}" ] && cd "/proc/$1" && has_token && kill -s "$signal" "$1" && any=0
}

has_token() { # does ./environ have this token?
  while IFS= read -r variables || [ -n "$variables" ]; do
    case $variables in *"ALERTPROF=$token"*) return 0 ;; esac
  done <environ
  return 1
}

end_command_without_forks() { # dash and busybox come here where they can start no process
  trap - EXIT
  note fired
  signal_command_without_forks TERM || return 0
  read_uptime; kill_at=$((now + 5))
  while signal_command_without_forks 0 && read_uptime && [ "$now" -lt $kill_at ]; do :; done
  signal_command_without_forks KILL; signal_command_without_forks KILL
}

signal_command_without_forks() { # as signal_command, and slower
  set +f; set -- "$1" /proc/[0-9]*; set -f
  signal=$1 any=1
  shift
  is_alive "$j_ran" && kill -s "$signal" "${j_ran%%:*}" && any=0
  for process; do signal_if_ours "${process#/proc/}"; done
  cd /
  return $any
}

settle_command() {
  [ -z "${1-}" ] || note "exit $1"
  path=$home/$token.d/output
  if [ "$j_place" = target ]; then path=/tmp/.alertprof-$token/output; enter_directory; else cd "$home/$token.d"; fi ||
    { close_journal; return; }
  owner=$(stat -c %u .) || return
  written=$(stat -c '%f %d:%i:%u' output) || [ ! -e output ] || return # not of what a link leads to
  set -- $written
  case ${1-}${2-} in 8???*:"$owner") keep_file output 0000000000 "$2" "$path" ;; esac
  close_journal
}
