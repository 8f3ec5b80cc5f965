# shellcheck shell=sh
# The verbs that do what the configuration says: run a command, send a signal. Each is done once for a token.
#
# Provides:
#   verb_run PID START IMAGE RECIPE SECONDS TOKEN [FENCE]      a command, under a keeper that ends it
#   verb_signal PID START IMAGE RECIPE SECONDS TOKEN [FENCE]   a signal, with a dead-man's switch where another one ends it
# Sets:
#   token, wanted_start, secs, hash: for everything that these verbs call
#   size_limit, space_dir: of a command: most that it may write, in blocks of 512 bytes; where room is looked for
#   code: started, replayed, ended, or why not
# Expects:
#   nl, ws, now, is_number, is_token, short_sleep: setup.sh
#   pid, pin_process: identity.sh
#   held_ids, list_held_ids: open_files.sh
#   read_program: program.sh
#   home, note, read_journal, pass_fence, close_journal, j_fence, j_closed, j_ran, j_sent, j_recipe, j_dir, j_printed, j_was: journal.sh
#   lock: lock.sh
#   send_signal, may_take, is_untouched, signalled_recently, mark_signalled: signals.sh
#   report_files: files.sh
#   arm_switch: switch.sh
#   put, first, no1, last, no2, sure, use_recipe, known_token, nothing_records: recipes.sh
#   keep_command: commands.sh
#   report_last_words: command_states.sh
#   fitting, many, gather_files: signal_files.sh
#   free, read_free_space: space.sh

begin_recipe() { # PID START IMAGE RECIPE SECONDS TOKEN [FENCE]: the right process, and nobody else at it; or code
  [ $# -ge 6 ] && is_token "$4" && is_number "$5" 5 && is_token "$6" && is_number "${7-0}" 9 || { code=bad; return 1; }
  wanted_start=$2 wanted_image=$3 hash=$4 secs=$5 token=$6 fence=${7-0}
  pin_process "$1" "$2" "$3" || return
  lock "$pid" "$wanted_start" || return
  read_journal
  pass_fence "$fence"
}

verb_run() {
  begin_recipe "$@" || return
  is_replay=
  if known_token command; then
    [ "$code" = error ] || return
    [ -z "$j_closed" ] || { code=ended; report_last_words; report_files; return; }
    [ -z "$j_ran" ] || { code=replayed; return; }
    is_replay=1
  fi
  use_recipe "$hash" command && is_untouched && nothing_records || return
  [ -n "$is_replay" ] ||
    printf '%srecipe %s\nplace %s\nintent %s %s %s command\n' "${j_fence:+fence $j_fence$nl}" "$hash" "$put" "$pid" "$wanted_start" "$wanted_image" >|"$home/$token" ||
    { code=journal; return; }
  limit_size || return
  mark_signalled
  ( keep_command ) &
  waits=0
  until read_journal && [ -n "$j_ran$j_closed" ]; do
    waits=$((waits + 1))
    [ $waits -lt 300 ] || { code=unarmed; return; }
    [ $waits -lt 200 ] || short_sleep
  done
  code=started
}

limit_size() { # -> size_limit, space_dir: all but 64 MiB of the room that is left, 1 GiB at most; or code
  space_dir=$home
  [ "$put" != target ] || space_dir=/proc/$pid/root/tmp
  read_free_space "$space_dir"
  is_number "$free" 15 || { code=blind; return 1; }
  size_limit=$(((free - 65536) * 2))
  [ $size_limit -gt 0 ] || { code=room; return 1; }
  [ $size_limit -lt 2097152 ] || size_limit=2097152
}

verb_signal() {
  begin_recipe "$@" || return
  if known_token signal; then
    [ "$code" = error ] || return
    [ -z "$j_closed" ] || { code=ended; report_files; return; }
    [ -z "$j_sent" ] || { code=replayed; return; } # noted before the signal: it may have been sent
  fi
  use_recipe "$hash" signal || return
  "r_$hash" proof
  [ "$code" = error ] && is_untouched && read_program || return
  may_take "$no1" && { [ -z "$last" ] || may_take "$no2"; } && nothing_records || return
  waits=0
  while signalled_recently; do
    waits=$((waits + 1))
    [ $waits -lt 60 ] || { code=recent; return; }
    short_sleep
  done
  [ $waits = 0 ] || { is_untouched && may_take "$no1" && nothing_records; } || return
  find_printed && find_earlier_files || return
  begin_signal_journal || { code=journal; return; }
  [ -z "$last" ] || { arm_switch $((secs + 5)) signal && pin_process "$pid" "$wanted_start" "$wanted_image"; } || return
  mark_signalled
  note "end $((now + secs))" && send_signal "$first" "$wanted_image" "sent $now" ||
    { [ "$code" != error ] || code=journal; close_journal; return; }
  note took
  code=started
}

find_printed() { # -> j_dir, j_printed: where it works; how long what it has printed is; or code: stdout
  j_recipe=$hash j_was='' j_dir=$(readlink cwd)
  case $j_dir in *"$nl"* | '' | [!/]*) j_dir=/nowhere ;; esac
  j_printed=
  [ "$sure" = quiet ] || return 0
  [ -f fd/1 ] && j_printed=$(stat -L -c '%d:%i:%u %s' fd/1)
  [ -n "$j_printed" ] || { code=stdout; return 1; }
}

# A toggle's signal would end what somebody else has begun, and ours would begin another.
find_earlier_files() { # -> earlier: the files that are there already; or code
  gather_files
  [ -z "$many" ] || { code=$many; return 1; }
  held_ids=
  [ "$first" != "$last" ] || list_held_ids || return
  earlier=
  IFS=$nl; for entry in $fitting; do IFS=$ws
    earlier="$earlier ${entry%% *}"
    case $held_ids in *"$nl${entry%% *}$nl"*) code=already ;; esac
  done; IFS=$ws
  [ "$code" != already ]
}

begin_signal_journal() {
  printf '%srecipe %s\nsince %s\nwas%s\ndir %s\nprinted %s\nsignals %s %s %s %s\nintent %s %s %s signal\n' \
    "${j_fence:+fence $j_fence$nl}" "$hash" "$(($(date +%s) - 1))" "$earlier" "$j_dir" "$j_printed" "$first" "$no1" "$last" "$no2" \
    "$pid" "$wanted_start" "$wanted_image" >|"$home/$token"
}
