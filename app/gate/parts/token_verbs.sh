# shellcheck shell=sh
# The verbs about a token: how its recording goes, and its end.
#
# Provides:
#   verb_fence PID START TOKEN FENCE   no earlier claim of the token begins anything in that process from now on
#   verb_status TOKEN   how it goes; sends nothing
#   verb_stop TOKEN     ends it
# Sets:
#   token: for everything that these verbs call
#   code: of the answer
# Expects:
#   say, is_number, is_token: setup.sh
#   pin_process, read_status, is_alive: identity.sh
#   unreadable: open_files.sh
#   read_program: program.sh
#   unread, read_journal, pass_fence: journal.sh
#   lock: lock.sh
#   j_pid, j_start, j_image, j_mode, j_files, j_fired, j_left, j_switch, j_stop, j_closed: journal.sh
#   profile_dir, find_profile_dir, report_files: files.sh
#   ours, is_recording: recording.sh
#   end_recording, give_up_overdue: ending.sh
#   stop_command, report_command, report_last_words: command_states.sh
#   end_signal_recording, report_signal_files: signal_ending.sh
#   report_closed: file_verbs.sh
#   free, read_free_space: space.sh

say_switch() { # what the dead-man's switch did
  [ -z "$j_fired" ] || say fired 1
  [ -z "$j_left" ] || say left 1
}

verb_fence() { # under the lock: what an earlier claim has just begun is in the journal then
  [ $# -eq 4 ] && is_number "$1" 20 && is_number "$2" 20 && is_token "$3" && is_number "$4" 9 || { code=bad; return; }
  token=$3
  lock "$1" "$2" || return
  read_journal
  pass_fence "$4" && code=ok
}

verb_status() {
  is_token "${1-}" || { code=bad; return; }
  token=$1
  read_journal || { code=${unread:-unknown}; return; }
  say_switch
  [ -z "$j_switch" ] || { is_alive "$j_switch" && say dog alive || say dog gone; } # by its name in answers
  case $j_mode in command) report_command; return ;; signal) report_signal_files; return ;; esac
  if [ -n "$j_closed" ]; then report_closed; return; fi
  if ! pin_process "$j_pid" "$j_start" "$j_image"; then report_files; return; fi
  read_status && read_program || return
  if is_recording; then
    find_profile_dir; read_free_space "$profile_dir"
    say open "$ours"; say free "$free"
    code=open
  elif [ -n "$unreadable" ]; then code=$unreadable
  elif [ -n "$j_files" ]; then code=finished
  else code=unseen; fi
  report_files
}

verb_stop() {
  is_token "${1-}" || { code=bad; return; }
  token=$1
  read_journal || { code=${unread:-unknown}; return; }
  case $j_mode in command) stop_command ;; signal) end_signal_recording ;; *) end_recording; give_up_overdue ;; esac
  say_switch
  [ -z "$j_stop" ] || say stopped 1
  [ "$j_mode" != command ] || report_last_words
  report_files
}
