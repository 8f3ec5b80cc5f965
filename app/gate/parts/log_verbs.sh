# shellcheck shell=sh
# The verbs that read what the configuration names: the end of a log, variables of a process. They change nothing.
#
# A log may lie where its service can put something else in its place. So the way to it has no links, and the file is
# opened by a `dd` that follows none and waits for nobody. Where `dd` cannot (busybox), nobody else may write the directory.
#
# One line more is printed than is kept, so that one may be a part.
#
# Provides:
#   verb_log RECIPE SECONDS                  `log LINE` of the last lines, a unit's of the last so many seconds; the host's
#                                            time in seconds: `now N`; `cut 1` where the first line may be a part of one
#   verb_variables PID START IMAGE RECIPE    `variable NAME=VALUE` of those that the process was started with
#   print_file DIRECTORY NAME                for recipes: the end of a file
#   print_unit NAME                          for recipes: a unit's lines in systemd's journal
#   print_variables NAME…                    for recipes: variables of the process that is the working directory
# Sets:
#   since: when the lines begin that are wanted, in seconds since 1970; lines: of a unit
#   code: ok, recipe, or absent, special, linked, astray, tools, nojournal, unreadable
# Expects:
#   say, is_number, is_token: setup.sh
#   pin_process, runs_another: identity.sh
#   use_recipe: recipes.sh

log_bytes=262144 log_lines=2001 line_bytes=4000

verb_log() {
  [ $# -eq 2 ] && is_token "$1" && is_number "$2" 6 || { code=bad; return; }
  use_recipe "$1" log || return
  since=$(date +%s)
  say now "$since"
  since=$((since - $2))
  "r_$1" go
}

print_file() {
  cd -P "$1" || { code=absent; return; }
  [ "$(pwd -P)" = "$1" ] || { code=astray; return; }
  [ ! -h "./$2" ] && [ -e "./$2" ] || { code=absent; [ ! -h "./$2" ] || code=special; return; }
  [ -f "./$2" ] || { code=special; return; }
  [ -r "./$2" ] || { code=unreadable; return; }
  facts=$(stat -c '%h %s' "./$2")
  set -- "$2" $facts
  [ $# -eq 3 ] && is_number "$3" 15 || { code=absent; return; }
  [ "$2" = 1 ] || { code=linked; return; }
  skip=0
  [ "$3" -le $log_bytes ] || { skip=$(($3 - log_bytes)); say cut 1; }
  if dd if=/dev/null iflag=nofollow,nonblock,skip_bytes,count_bytes count=0; then
    dd if="./$1" iflag=nofollow,nonblock,skip_bytes,count_bytes skip="$skip" count=$log_bytes bs=65536 | print_lines
  elif is_only_ours; then tail -c $log_bytes "./$1" | print_lines
  else code=tools; return; fi
  code=ok
}

is_only_ours() { # may nobody else put something else into the working directory?
  [ -O . ] || return 1
  case $(ls -ldn .) in ?????w* | ????????w*) return 1 ;; esac
}

print_lines() {
  tail -n $log_lines | cut -b 1-$line_bytes | sed 's/^/log /'
  echo
}

print_unit() {
  command -v journalctl >/dev/null || { code=nojournal; return; }
  lines=$(timeout 8 journalctl --unit="$1" --since="@$since" --lines=$log_lines --no-pager --quiet --output=short-iso |
    tail -c $((log_bytes + 1)))
  [ ${#lines} -lt $log_bytes ] || say cut 1
  [ -z "$lines" ] || printf '%s\n' "$lines" | print_lines
  code=ok
}

verb_variables() {
  [ $# -eq 4 ] && is_token "$4" || { code=bad; return; }
  use_recipe "$4" variables && pin_process "$1" "$2" "$3" || return
  "r_$4" go
  ! runs_another "$3" || code=replaced
}

print_variables() {
  { true <environ; } || { code=unreadable; return; }
  names=
  for name; do names="$names|$name"; done
  tr '\n\000' '\002\n' <environ | grep -aE "^(${names#|})=" | cut -b 1-$line_bytes | sed 's/^/variable /'
  code=ok
}
