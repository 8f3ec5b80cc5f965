# shellcheck shell=sh
# Recipes: what the configuration has done here. Each is a function of words of the configuration alone, all of them
# quoted, and named after its hash. A request has no more than that hash, so that a key can have nothing done but what was
# sent or installed with the gate.
#
#   r_HASH how     sets its facts (below)
#   r_HASH proof   for a signal: sets `code` where the pinned process is none that it is meant for; finds ./exe and ./environ
#   r_HASH go      becomes the command; finds $pid, $secs and $output
#   r_HASH files   hands the files that a signal leaves to `fits` (signal_files.sh); finds $tmp, $ns and $dir
#
# These names are part of every recipe and so of its hash: they stay as they are.
#
# Provides:
#   use_recipe HASH WHAT   runs `how`; or code: recipe
#   known_token MODE       is the token known, for this very process? or not yet; then what the journal says against it
#   nothing_records        does nothing record in the process: no other token, nor go-zero by hand? or code
# Sets:
#   what, put, grace: of a command: `command`, where its output goes, seconds that it may take longer
#   first, no1, last, no2, sure, shows: of a signal: names and numbers, when its files are whole, a function that asks for it
#   code: recipe, blind, replaced, bad, already
# Expects:
#   now, read_uptime, is_token: setup.sh
#   pid, is_alive: identity.sh
#   live_kinds, unreadable, scan_open_files: open_files.sh
#   home, unread, read_journal, j_pid, j_start, j_mode, j_closed, j_switch, j_ran, j_end: journal.sh
#   token, wanted_start: of the verb

use_recipe() {
  what='' shows=''
  command -v "r_$1" >/dev/null && "r_$1" how && [ "$what" = "$2" ] || { code=recipe; return 1; }
}

known_token() {
  read_journal || { [ -n "$unread" ] && code=blind; return; }
  { [ "$j_pid" = "$pid" ] && [ "$j_start" = "$wanted_start" ]; } || code=replaced
  [ "$j_mode" = "$1" ] || code=bad
}

nothing_records() {
  scan_open_files
  [ -z "$unreadable" ] || { code=$unreadable; return 1; }
  [ -z "$live_kinds" ] || { code=already; return 1; }
  { read -r last_token _ <"$home/$pid-$wanted_start.last"; } && is_token "$last_token" && [ "$last_token" != "$token" ] ||
    return 0
  ! (
    read_uptime
    read_journal "$last_token" && [ -z "$j_closed" ] &&
      { is_alive "$j_switch" || is_alive "$j_ran" || [ "${j_end:-0}" -gt "$now" ]; }
  ) || { code=already; return 1; }
}
