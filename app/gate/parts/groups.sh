# shellcheck shell=sh
# Where a process's control groups lie, of version 2 or 1, and which of the groups around it has a limit.
#
# Provides:
#   find_groups   after pin_process -> group, memory_group, cpu_group
#   find_limit DIRECTORY FILE…   the nearest group from DIRECTORY upwards where one of the files has a limit -> limit, limited
# Sets:
#   group: of version 2; memory_group, cpu_group: where memory and processor time are accounted; empty where there is none
#   limit: the limit as its file has it, or empty; limited: the directory of that group, DIRECTORY where there is none
# Expects: nothing

find_groups() {
  group='' memory_group='' cpu_group=''
  mounted=/sys/fs/cgroup
  [ -f $mounted/cgroup.controllers ] || mounted=/sys/fs/cgroup/unified
  while IFS=: read -r _ controllers path; do
    case $path/ in */../*) continue ;; esac # of another namespace of groups
    path=${path%/}
    case ,$controllers, in
    ,,) group=$mounted$path ;;
    *,memory,*) memory_group=/sys/fs/cgroup/memory$path ;;
    *,cpu,*) cpu_group=/sys/fs/cgroup/cpu$path ;;
    esac
  done <cgroup
  [ -d "$group" ] || group=
  [ -d "$memory_group" ] || memory_group=$group
  [ -d "$cpu_group" ] || cpu_group=$group
}

find_limit() {
  limited=$1 levels=0
  lowest=$1
  shift
  while [ $levels -lt 12 ]; do
    case $limited in /sys/fs/cgroup/*) ;; *) break ;; esac
    for file; do
      limit=
      { read -r limit _ <"$limited/$file"; } || continue
      case $limit in '' | max | -1 | 9223372036854*) ;; *) return 0 ;; esac
    done
    limited=${limited%/*} levels=$((levels + 1))
  done
  limit='' limited=$lowest
}
