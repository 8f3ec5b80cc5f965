# shellcheck shell=sh
# How much room is left where files go.
#
# Provides:
#   read_free_space DIRECTORY -> free: kilobytes, at most five seconds old
# Sets:
#   free: see read_free_space
# Expects:
#   nl, now, read_uptime: setup.sh
#   pid: identity.sh

read_free_space() {
  read_uptime
  [ "${free_of-}" != "$pid $1" ] || [ $((now - free_at)) -ge 5 ] || return 0
  free_of="$pid $1" free_at=$now
  table=$(df -Pk "$1/.")
  case $table in *"$nl"*) set -- ${table##*"$nl"} ;; *) set -- ;; esac
  free=${4-}
}
