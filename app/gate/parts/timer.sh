# shellcheck shell=sh
# A second line behind the dead-man's switch, for a session whose every process is killed outright: a timer of systemd's,
# where we are root.
#
# Provides:
#   arm_timer SECONDS   starts it, if it can
# Sets: nothing
# Expects:
#   pid: identity.sh
#   user, home, j_image: journal.sh
#   token, wanted_start: of the verb

# The program is a file, because systemd expands a dollar in a command line.
arm_timer() {
  [ "$user" = 0 ] && [ -d /run/systemd/system ] || return 0
  # shellcheck disable=SC2016 # expanded by the shell that the timer starts
  [ -f "$home/second" ] || printf '%s\n' '
    cd "/proc/$1" && s=$(cat stat) || exit 0
    set -f; set -- "$1" "$2" "$3" "$4" ${s##*) }
    [ "${24}" = "$2" ] && [ "${28}:${30}" = "$4" ] && grep -q "^SigCgt:.*[89a-f]..$" status && ! grep -q "^closed" "$3" || exit 0
    path=$(sed -n "s/^file cpu [0-9]* [0-9:]* //p" "$3")
    [ -n "$path" ] && ls -ln fd/ | grep -qF -- "-> $path" && echo fired >>"$3" && kill -s USR2 "$1"
  ' >"$home/second.$$" && mv -f "$home/second.$$" "$home/second"
  systemd-run --quiet --collect --unit="alertprof-$token" --on-active="$1" --timer-property=AccuracySec=1s \
    /bin/sh "$home/second" "$pid" "$wanted_start" "$home/$token" "$j_image"
}
