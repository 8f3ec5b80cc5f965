# shellcheck shell=sh
# What was done for a capture is noted first, in an append-only file named after the capture's token. A line that was
# cut off has no newline and counts as not written. The lines keep their form: gates of other versions read them too.
#
# Provides:
#   find_home            the directory of journals and locks, of this user alone -> home
#   note LINE            appends a line to the token's journal; fails where there is no room
#   read_journal [TOKEN] all that the journal says -> j_…; fails where there is none, or none that is complete
#   close_journal        the recording is over
#   pass_fence FENCE     after read_journal: has no later claim of the token been here? or code: fenced, blind, journal
#   forget_old_journals  removes what is older than a week, but for recordings that are still watched
# Sets:
#   home: see find_home
#   user: this user's number
#   unread: blind where the journal is there and could not be opened
#   code: fenced, blind, journal
#   j_pid, j_start, j_image, j_mode: of the process, and how it is recorded: toggle, timed, command or signal
#   j_base: stamps that were there before; j_files: lines `KIND STAMP DEVICE:INODE:OWNER PATH` of the token's files
#   j_switch: PID:START of the dead-man's switch, or of a command's keeper
#   j_sent, j_due, j_end: when the signal was sent, when the recording has to be over, when it is to be ended
#   j_stop, j_again: when the signal that ends it was sent, and sent once more
#   j_fired, j_left, j_closed: did the switch act? was the recording left alone? is it over?
#   j_after, j_died: `SIGNAL HUNDREDTHS` before a signal; `HUNDREDTHS SIGNAL`: so soon after it the process was gone
#   j_dump, j_dumped: goroutine dumps that were there before; is ours known?
#   j_recipe, j_place, j_ran, j_exit, j_nest: of a command: recipe, place of its output, PID:START, status, directory
#   j_signals, j_was, j_dir, j_took, j_printed, j_since: of a signal's files
#   j_gone: identities of files that were removed
#   j_sampled: its samples are home, and begin no more
#   j_fence: of the latest claim under which somebody asked
#   j_cut: the journal's last line has no end
# Expects:
#   nl, now, read_uptime, is_number, is_token: setup.sh
#   is_alive: identity.sh
#   token: of the verb

find_home() {
  key=
  until [ "$key" = Uid: ]; do
    while read -r key _ user _; do case $key in Uid:) break ;; esac; done </proc/self/status
  done
  if [ "$user" = 0 ]; then set -- /run /tmp; else set -- "${HOME:-/nonexistent}" /tmp; fi
  # First where there is one already: the place before it may have had no room when it was made.
  for making in '' 1; do
    for place; do
      home=$place/.alertprof-$user
      [ -z "$making" ] || [ -d "$home" ] || mkdir -m 700 "$home"
      [ -d "$home" ] && [ -w "$home" ] && [ ! -h "$home" ] && [ -O "$home" ] || continue
      is_private
      case $? in 0) return 0 ;; 2) return 1 ;; esac
    done
  done
  return 1
}

# A signal waits for this look, so it is at the directory alone: there may be tens of thousands of journals in it.
is_private() { # may nobody else enter? fails with 1 where others may, with 2 where nobody could look
  case $(cd "$home" && find . -prune -perm 700; echo "?$?") in ".$nl?"[01]) ;; '?'[01]) return 1 ;; *) return 2 ;; esac
}

forget_old_journals() { # a token is remembered for a week: a late replay finds it
  cd "$home" || return
  ! listed_today || return 0
  old_entries=$(find . -maxdepth 1 ! -name . -mtime +7; echo "?$?")
  case $old_entries in *'?'[01]) old_entries=${old_entries%??} ;; *) return 1 ;; esac
  set --
  for old in $old_entries; do # names of ours: no blanks
    name=${old##*/}; name=${name%%.*}
    { is_token "$name" && read_journal "$name" && { is_alive "$j_switch" || is_alive "$j_ran"; }; } || set -- "$@" "$old"
  done
  # What was written anew since it was listed is not old: another gate may hold that lock.
  [ $# -eq 0 ] || find "$@" -prune -mtime +7 -exec rm -rf {} +
  return 0
}

listed_today() { # by this gate or another; from now on it was
  read_uptime
  listed_at=
  { read -r listed_at <listed; }
  ! is_number "$listed_at" 12 || [ "$listed_at" -gt "$now" ] || [ $((now - listed_at)) -ge 86400 ] || return 0
  printf '%s\n' "$now" >|listed
  return 1
}

note() { # A line that a full disk cut off is marked as such before the next one follows it.
  printf '%s%s\n' "${j_cut:+ ~cut~$nl}" "$1" >>"$home/$token" && j_cut='' || { j_cut=1; return 1; }
}

forget_journal() {
  j_pid='' j_start='' j_image='' j_mode='' j_sent='' j_stop='' j_again='' j_closed='' j_fired='' j_base='' j_files=''
  j_switch='' j_dump='' j_dumped='' j_recipe='' j_place='' j_ran='' j_exit='' j_end='' j_signals='' j_was='' j_dir=''
  j_took='' j_printed='' j_nest='' j_since='' j_cut='' j_after='' j_died='' j_due='' j_left='' j_gone='' j_fence='' j_sampled='' unread=''
}

read_journal() {
  forget_journal
  set -- "${1-$token}"
  [ -f "$home/$1" ] || return 1
  { true <"$home/$1"; } || { unread=blind; return 1; }
  while IFS= read -r journal_line; do read_journal_line "${journal_line#* }"; done <"$home/$1"
  j_cut=$journal_line # what has no end
  # Gates once noted no due time.
  case $j_mode-$j_due$j_sent in timed-[1-9]*) j_due=${j_due:-$((j_sent + 75))} ;; esac
  # Where it could not be noted, this shell remembers it, or a link does.
  [ -n "$j_stop" ] || eval "j_stop=\${stopped_at_$1-}"
  [ -n "$j_again" ] || eval "j_again=\${again_at_$1-}"
  [ -n "$j_stop" ] || [ ! -h "$home/$1.stop" ] || j_stop=0
  [ -n "$j_mode" ]
}

read_journal_line() { # VALUE: what journal_line says after its first word
  case $journal_line in
  *' ~cut~') ;;
  'intent '*) set -- $1; j_pid=$1 j_start=$2 j_image=$3 j_mode=$4 ;;
  'recipe '*) j_recipe=$1 ;;
  'place '*) j_place=$1 ;;
  'ran '*) j_ran=$1 ;;
  'exit '*) j_exit=$1 ;;
  'end '*) j_end=$1 ;;
  'signals '*) j_signals=$1 ;;
  'since '*) j_since=$1 ;;
  was*) j_was="${journal_line#was} " ;;
  'dir '*) j_dir=$1 ;;
  'nest '*) j_nest=$1 ;;
  'printed '*) j_printed=$1 ;;
  took) j_took=1 ;;
  base*) j_base="${journal_line#base} " ;;
  'dog '*) j_switch=$1 ;; # the dead-man's switch, by its name in journals
  'gone '*) j_gone="$j_gone $1 " ;;
  'fence '*) j_fence=$1 ;;
  sampled) j_sampled=1 ;;
  'sent '*) j_sent=$1 ;;
  'due '*) j_due=$1 ;;
  'after '*) j_after=$1 ;;
  'died '*) j_died=${j_died:-$1} ;;
  left) j_left=1 ;;
  'file goroutines '*) j_dumped=1 j_files="$j_files$1$nl" ;;
  'file '*) j_files="$j_files$1$nl" ;;
  dump*) j_dump="${journal_line#dump} " ;;
  'stop '*) j_stop=$1 ;;
  'again '*) j_again=$1 ;;
  fired) j_fired=1 ;;
  closed) j_closed=1 ;;
  esac
}

pass_fence() { # 0: there is no claim
  [ "$1" != 0 ] || return 0
  [ -z "$unread" ] || { code=blind; return 1; }
  [ "$1" -ge "${j_fence:-1}" ] || { code=fenced; return 1; }
  # What has begun already is not begun by an earlier claim, with or without this line.
  [ "$1" = "${j_fence:-1}" ] || note "fence $1" || [ -n "$j_mode" ] || { code=journal; return 1; }
  j_fence=$1
}

close_journal() {
  [ -n "$j_closed" ] || note closed
  j_closed=1
}
