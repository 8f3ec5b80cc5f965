# shellcheck shell=sh
# Which process is it? Two looks speak of the same process if pid, start time and image agree.
#
# `cd /proc/PID` pins one process: once it has been reaped, ./stat fails for ever, whoever gets the number next. The start
# time is field 22 of stat; the image is fields 26 and 28 (start of code and of stack), which change on exec, while pid
# and start time stay. Both are 0 for a moment before a process is a zombie, when its vsize (field 23) is 0 too, and while
# it begins to run another program, when its vsize is not.
#
# Provides:
#   read_stat FILE              reads a stat file; fails for zombies
#   stat_hidden PID             after read_stat has failed: is the process there, but its stat could not be opened?
#   gone_or_blind               why something of the pinned process could not be read -> code
#   pin_process PID START IMAGE goes to /proc/PID and checks the identity; IMAGE may be empty
#   other_image                 why its image is another one than before -> code
#   runs_another IMAGE          does the pinned process run another program than that by now?
#   read_status                 reads ./status of the pinned process, whole
#   is_alive PID:START          does that process live? Leaves what read_stat has set as it is
#   read_own_id                 PID:START of this shell -> own_id
# Sets:
#   stat_text, comm, state, parent, ticks, start, vsize, image: see read_stat
#   tgid, ns, uid, euid, gid, pending, ignored, caught, tracer: of ./status; ns is the pid in its own namespace
#   pid: of the pinned process
#   code: of a refusal: bad, gone, blind (it lives and could not be read), replaced, busy (it is never read whole)
#   own_id: see read_own_id
# Expects:
#   is_number: setup.sh

read_stat() {
  stat_text=
  { while IFS= read -r stat_line || [ -n "$stat_line" ]; do stat_text=$stat_text$stat_line; done <"$1"; } || return 1
  [ -n "$stat_text" ] || return 1
  # The name may hold anything, `) ` too: the fields begin after the last one.
  comm=${stat_text#*\(}; comm=${comm%\) *}
  stat_text=${stat_text##*\) }
  set -- $stat_text
  [ $# -ge 26 ] || return 1
  state=$1 parent=$2 ticks=$((${12} + ${13})) start=${20} vsize=${21} image=${24}:${26}
  case $state in Z | X | x) return 1 ;; esac
}

stat_hidden() { [ -z "$stat_text" ] && [ -e "/proc/$1/stat" ]; }

# One that ends has lost its memory, and with it its executable, a while before it is a zombie.
gone_or_blind() {
  code=blind stat_text=
  if read_stat stat; then
    case $vsize:$image in 0:0:0) code=gone ;; esac
  else
    stat_hidden "$pid" || code=gone
  fi
}

pin_process() {
  is_number "$1" 7 && [ "$1" -gt 1 ] && is_number "$2" 20 || { code=bad; return 1; }
  pid=$1
  stat_text=
  cd "/proc/$pid" && read_stat stat || { code=gone; stat_hidden "$pid" && code=blind; return 1; }
  [ "$start" = "$2" ] || { code=replaced; return 1; }
  [ -z "${3-}" ] || [ "$image" = "$3" ] || { other_image; return 1; }
}

other_image() {
  case $vsize:$image in 0:0:0) code=gone ;; *) code=replaced ;; esac
}

runs_another() { read_stat stat && [ "$image" != "$1" ] && [ "$vsize:$image" != 0:0:0 ]; }

# bash and ksh read ahead and seek back at every `read`, and the kernel writes the file anew at a seek. Where the state
# has become a shorter word meanwhile, the next line loses its first letters. What is not whole is read again.
read_status() {
  status_reads=1
  until read_status_once; do
    read_stat stat || { code=gone; stat_hidden "$pid" && code=blind; return 1; }
    status_reads=$((status_reads + 1))
    [ $status_reads -le 20 ] || { code=busy; return 1; }
  done
  ns=${ns:-$pid}
}

read_status_once() {
  tgid='' ns='' uid='' euid='' gid='' pending='' ignored='' caught='' tracer='' namespaces=''
  while read -r key value rest; do
    case $key in
    Tgid:) tgid=$value ;;
    TracerPid:) tracer=$value ;;
    Uid:) uid=$value euid=${rest%%[!0-9]*} ;;
    Gid:) gid=$value ;;
    NSpid:) for ns in $value $rest; do :; done ;; # the last is the innermost
    NStgid: | NSpgid:) namespaces=1 ;;
    ShdPnd:) pending=$value ;;
    SigIgn:) ignored=$value ;;
    SigCgt:) caught=$value; break ;;
    esac
  done <status
  [ -z "$namespaces" ] || [ -n "$ns" ] || return 1 # a kernel before 4.1 has neither
  [ -n "$tgid" ] && [ -n "$tracer" ] && [ -n "$uid" ] && [ -n "$gid" ] &&
    [ -n "$pending" ] && [ -n "$ignored" ] && [ -n "$caught" ]
}

is_alive() {
  set -- "$1" "$comm" "$state" "$start" "$vsize" "$image"
  read_stat "/proc/${1%%:*}/stat" && [ "$start" = "${1#*:}" ] && set -- "$@" yes
  comm=$2 state=$3 start=$4 vsize=$5 image=$6
  [ $# -eq 7 ]
}

read_own_id() {
  read -r own_id _ </proc/self/stat
  read_stat /proc/self/stat
  own_id=$own_id:$start
}
