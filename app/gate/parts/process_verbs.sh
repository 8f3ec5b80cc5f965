# shellcheck shell=sh
# The verbs that look at processes. They change nothing.
#
# Provides:
#   verb_look PID   everything about one process
#   verb_see PID    one process as a line of the list
#   verb_list       all processes, as far as one needs to know to choose among them
#   verb_code PID   where its code lies in memory, which its own profiles tell as well; who has code in the very same places;
#                   its executable's GNU build id
#   say_process PID `process PID START IMAGE PARENT TICKS COMM`
# Sets:
#   code: ok, or why not
# Expects:
#   nl, ws, out, now, odd, say, is_number, short_sleep: setup.sh, loop.sh
#   pid, start, image, state, parent, ticks, comm, uid, gid, ns, tgid, tracer, caught, pending: identity.sh
#   stat_text, stat_hidden, gone_or_blind, read_stat, read_status: identity.sh
#   mask, find_signal_thread: handlers.sh
#   live_kinds, unreadable, scan_open_files: open_files.sh
#   mode, tmp, version, go_version, exe, args, build, main_module, restarter, conflict, read_program: program.sh
#   asks, count_askers: askers.sh
#   free, read_free_space: space.sh

is_pid() { is_number "${1-}" 7 && [ "$1" -gt 1 ] || { code=bad; return 1; }; }

verb_look() {
  is_pid "${1-}" || return
  pid=$1
  stat_text=
  cd "/proc/$pid" && read_stat stat || { code=gone; stat_hidden "$pid" && code=blind; return; }
  read_status || return
  [ "$tgid" = "$pid" ] || { code=thread; return; }
  read_program || return
  find_signal_thread; scan_open_files
  case $unreadable in blind | gone) code=$unreadable; return ;; esac
  say_facts
  while IFS=: read -r _ _ group; do [ "$group" = / ] || say group "$group"; done <cgroup
  read_free_space "root$tmp"; say free "$free"
  read -r now _ </proc/uptime; say uptime "$now"
  code=ok
}

say_facts() {
  say pid "$pid"; say start "$start"; say image "$image"; say state "$state"
  say uid "$uid"; say gid "$gid"; say nspid "$ns"; say comm "$comm"; say tracer "$tracer"
  say mode "$mode"; say versions "$version $go_version"
  say caught "$caught"; say pending "$pending"; say mask "$mask"
  say live "$live_kinds"
  set +f; set -- task/*; set -f; say threads $#
  [ -z "$unreadable" ] || say unreadable 1
  [ -z "$build" ] || say build "$build"
  [ -z "$main_module" ] || say module "$main_module"
  [ -z "$conflict" ] || say conflict "$conflict"
  [ -z "$restarter" ] || say restarter "$restarter"
  count_askers
  [ -z "$asks" ] || say asks "$asks"
  say exe "$exe"; say cmdline "$args"
}

say_process() {
  cd "/proc/$1" && read_stat stat || return 1
  say process "$1 $start $image $parent $ticks $comm"
}

verb_see() {
  is_pid "${1-}" || return
  stat_text=
  say_process "$1" && code=ok || { code=gone; stat_hidden "$1" && code=blind; }
}

verb_list() {
  set +f; set -- /proc/[0-9]*; set -f
  for process; do say_process "${process#/proc/}"; done
  cd /
  out="$out$(set +f
    ls -ln /proc/[0-9]*/exe | sed -n 's@^.* /proc/\([0-9]*\)/exe -> @exe \1 @p'
    grep -E '^(NSpid|VmRSS):' /proc/[0-9]*/status |
      sed -n -e 's@^/proc/\([0-9]*\)/status:NSpid:.*[^0-9]\([0-9]*\)$@inner \1 \2@p' \
        -e 's@^/proc/\([0-9]*\)/status:VmRSS:[^0-9]*\([0-9]*\) kB$@rss \1 \2@p'
    grep -aHm1 '' /proc/[0-9]*/cmdline | tr '\000' '\002' |
      sed -n "s@^/proc/\([0-9]*\)/cmdline:\([^$odd]*\).*@called \1 \2@p" | cut -c-1000
    grep '' /proc/[0-9]*/cgroup | sed -n 's@^/proc/\([0-9]*\)/cgroup:[0-9]*:[^:]*:\(/..*\)$@group \1 \2@p' | sort -u
  )$nl"
  code=ok
}

read_spans() { # PID -> spans: `START-LIMIT OFFSET` a line
  spans=$({ sed -nE 's@^([0-9a-f]+-[0-9a-f]+) ..x. ([0-9a-f]+) .*@\1 \2@p' "/proc/$1/maps"; echo ".$?"; } | head -n 4000)
  case $spans in *"$nl.0") spans=${spans%.0} ;; *) spans=; return 1 ;; esac
}

read_gnu_id() { # -> gnu_id: `SIZE BYTES` in hex, the size in bytes, of the note NT_GNU_BUILD_ID near the executable's begin
  gnu_id=$(head -c 4096 <exe | od -A n -v -t x1 | tr -d ' \n' |
    sed -nE 's/.*04000000(08|10|14|20)00000003000000474e5500([0-9a-f]{16,64}).*/\1 \2/p')
}

verb_code() {
  is_pid "${1-}" || return
  pid=$1
  cd "/proc/$pid" && read_stat stat || { code=gone; return; }
  read_spans "$pid" || { gone_or_blind; return; }
  own_spans=$spans
  IFS=$nl; for span in $own_spans; do IFS=$ws; say code "$span"; done; IFS=$ws
  read_gnu_id
  [ -z "$gnu_id" ] || say gnu "$gnu_id"
  for process in $(set +f; grep -lE "^${own_spans%% *} ..x. " /proc/[0-9]*/maps); do
    process=${process%/maps} process=${process#/proc/}
    [ "$process" != "$pid" ] && read_spans "$process" && [ "$spans" = "$own_spans" ] || continue
    short_sleep # a child on its way to exec has its parent's for a moment
    read_spans "$process" && [ "$spans" = "$own_spans" ] && say twin "$process"
  done
  code=ok
}
