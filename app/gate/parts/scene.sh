# shellcheck shell=sh
# The scene: what one process, its control groups and its host show right now. Nothing is changed.
#
# `scene` comes before a signal, so it is of few and short files, and one program reads them. `around` is what takes
# longer; it comes beside a recording. smaps_rollup walks all pages, swapped ones too, while it holds the process's memory
# lock: 20 ms a GiB of small pages. So it is left out above 65536 pages.
#
# Provides:
#   verb_scene PID    `FILE:LINE` of files of the process, its groups and the host; `memory_limit BYTES GROUP` and the like
#   verb_around PID START IMAGE   counts: descriptors by kind, sockets by state, threads by state and where they wait; the
#                     biggest processes of the host; the kernel's lines about processes that it killed for lack of memory
#   print_around, print_kernel_lines   the lines of `around`; those of the kernel
#   read_host         hundredths of a second of all processors since boot: idle ones, and all -> idle, all
#   read_page_size    -> page_size, in KB
#   list_processes    on standard output: `process PID STATE TICKS PAGES START NAME` of those that have used a processor
# Sets:
#   listed: what list_processes has printed, of print_around
#   idle, all: see read_host; page_size: see read_page_size; swapped: KB of the process, of a scene
#   code: ok, or why not
# Expects:
#   nl, out, now_hundredths, say, is_number, read_uptime: setup.sh
#   pid, stat_text, read_stat, stat_hidden, pin_process, runs_another: identity.sh
#   is_pid: process_verbs.sh
#   group, memory_group, cpu_group, limit, limited, find_groups, find_limit: groups.sh

find_process() { # PID: goes there; or code
  is_pid "${1-}" || return 1
  pid=$1 stat_text=
  cd "/proc/$pid" && read_stat stat || { code=gone; stat_hidden "$pid" && code=blind; return 1; }
}

verb_scene() {
  find_process "${1-}" || return
  set -- $stat_text
  read_swapped
  rollup=
  [ $((${22} + swapped / 4)) -gt 65536 ] || rollup=/proc/$pid/smaps_rollup
  read_uptime; say uptime "$now_hundredths"
  say pages "${22}"
  read_host; say host "$idle $all"
  find_groups
  say_limits
  [ "$cpu_group" = "$memory_group" ] || tell "$cpu_group/cpu.stat" "$cpu_group/cpu.cfs_quota_us" "$cpu_group/cpu.cfs_period_us"
  [ "$group" = "$memory_group" ] || [ -z "$group" ] || tell "$group/cpu.pressure" "$group/memory.pressure" "$group/io.pressure"
  printf '%s' "$out"
  out=
  cd "${memory_group:-/}" && print_scene "/proc/$pid" /proc
  code=ok
}

read_swapped() { # -> swapped, in KB
  swapped=0
  while read -r key value _; do case $key in VmSwap:) swapped=$value; break ;; esac; done <status
}

say_limits() {
  find_limit "$memory_group" memory.max memory.limit_in_bytes
  [ -z "$limit" ] || say memory_limit "$limit $limited"
  find_limit "$cpu_group" cpu.max cpu.cfs_quota_us
  [ -z "$limit" ] || say cpu_limited "$limited"
}

tell() { # FILE…: as `grep -H` does, and without another program: each is short
  for file; do
    while IFS= read -r line; do out="$out${file##*/}:$line$nl"; done <"$file"
  done
}

print_scene() { # PROCESS HOST: files of the working directory, and of these
  set -- "$1/status" "$1/stat" "$1/io" "$1/limits" "$1/cgroup" "$1/oom_score" "$1/wchan" ${rollup:+"$rollup"} \
    "$2/loadavg" "$2/meminfo" "$2/pressure/cpu" "$2/pressure/memory" "$2/pressure/io" /sys/devices/system/cpu/online
  grep -asH '' memory.events memory.stat memory.max memory.high memory.current memory.swap.current memory.pressure \
    memory.limit_in_bytes memory.usage_in_bytes memory.oom_control memory.failcnt cpu.stat cpu.max cpu.pressure io.pressure \
    cpu.cfs_quota_us cpu.cfs_period_us pids.current pids.max "$@"
}

read_host() {
  idle=0 all=0
  { read -r _ user_time nice system idle waiting irq soft stolen _; } </proc/stat
  idle=$((idle + waiting)) all=$((user_time + nice + system + idle + irq + soft + stolen))
}

read_page_size() {
  page_size=4
  while read -r key value _; do case $key in KernelPageSize:) page_size=$value; break ;; esac; done </proc/self/smaps
}

verb_around() {
  [ $# -eq 3 ] || { code=bad; return; }
  pin_process "$1" "$2" "$3" || return
  read_page_size; say page "$page_size"
  out="$out$(print_around)$nl" code=ok
  ! runs_another "$3" || out='' code=replaced
}

print_around() { # of the process in whose directory we are -> listed: what list_processes prints
  count_descriptors; count_threads
  listed=$(list_processes)
  printf '%s\n' "$listed" | awk '
    NF { n++; line[n] = $0; ticks[n] = $4; pages[n] = $5 }
    function biggest(by,   i, j, most) { # the twelve that have most
      for (i = 0; i < 12 && i < n; i++) {
        most = 0
        for (j = 1; j <= n; j++) if (!(j in told) && (!most || by[j] + 0 > by[most] + 0)) most = j
        told[most]; sub(/^process/, "biggest", line[most]); print line[most]
      }
      for (j in told) delete told[j]
    }
    END { biggest(ticks); biggest(pages) }'
  print_kernel_lines
}

# `ls` of very many would take long; `FDSize` is a power of two above their number. Sockets are those of its namespace, as
# far as the first 5000 go.
count_descriptors() {
  size=
  while read -r key value _; do case $key in FDSize:) size=$value; break ;; esac; done <status
  is_number "$size" 4 && [ "$size" -lt 5000 ] || return
  { ls -ln fd/; head -n 5000 net/tcp net/tcp6 net/udp net/udp6; } | awk '
    / -> / {
      kind = $NF
      if (kind ~ /^socket:\[/) { inode = kind; gsub(/[^0-9]/, "", inode); mine[inode] = 1; kind = "socket" }
      else if (kind ~ /^pipe:\[/) kind = "pipe"
      else if (kind ~ /^anon_inode:/) { sub(/^anon_inode:/, "", kind); gsub(/[^a-z_]/, "", kind); kind = "anon_" kind }
      else if (kind ~ /^\/dev\//) kind = "device"
      else kind = "file"
      kinds[kind]++
      next
    }
    $1 == "==>" { table = $2; sub(/^net\//, "", table); next }
    $1 ~ /^[0-9]+:$/ && $10 in mine { states[table " " $4]++ }
    END {
      for (kind in kinds) if (n++ < 100) print "descriptors", kind, kinds[kind]
      for (state in states) if (n++ < 200) print "sockets", state, states[state]
    }'
}

count_threads() { # of the first 256
  set +f; set -- task/*; set -f
  threads=$# many=$#
  [ $many -le 256 ] || many=256
  printf 'threads %s\n' "$threads"
  chosen=
  for task; do
    [ $many -gt 0 ] || break
    many=$((many - 1)) chosen="$chosen $task/stat $task/wchan"
  done
  set -- $chosen
  grep -asH '' "$@" | awk '
    { file = $0; sub(/:.*/, "", file); rest = substr($0, length(file) + 2) }
    file ~ /stat$/ { sub(/^.*\) /, "", rest); if (split(rest, f, " ") > 39) states[f[1]]++; next }
    { gsub(/[^A-Za-z0-9_.]/, "", rest); waits[rest]++ }
    END {
      for (state in states) if (n++ < 50) print "thread", state, states[state]
      for (where in waits) if (where != "0" && n++ < 100) print "waits", where, waits[where]
    }'
}

# A name may have line breaks and whatever else; the fields behind it are more than a name has room for.
list_processes() {
  { set +f; cat /proc/[0-9]*/stat; set -f; } | awk '
    {
      name = begun $0; rest = name; begun = ""
      sub(/^.*\) /, "", rest)
      if (split(rest, f, " ") < 40) { begun = name "?"; next }
      pid = name + 0
      name = substr(name, 1, length(name) - length(rest) - 2)
      sub(/^[0-9]+ \(/, "", name)
      if (f[12] + f[13] == 0) next
      gsub(/[^ -~]/, "?", name)
      if (n++ < 3000) print "process", pid, f[1], f[12] + f[13], f[22], f[20], name
    }'
}

print_kernel_lines() { # the last twenty
  dmesg | awk '
    /Killed process|oom-kill:|[Oo]ut of memory/ { line[n++ % 20] = substr($0, 1, 400) }
    END { for (i = n > 20 ? n - 20 : 0; i < n; i++) print "kernel", line[i % 20] }'
}
