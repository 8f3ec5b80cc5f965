# shellcheck shell=sh
# Samples: what is around a process at first, and then how it, its control group and its host fare while it is recorded,
# once a second. A loop in the background writes them into a file of the token. It ends when it is asked for them, when
# the process ends, or when its time is over. Nothing of it touches the process.
#
# Provides:
#   verb_sample PID START IMAGE SECONDS TOKEN [LATER]   begins, once for a token and not after its end; in how many
#                               seconds it looks around
#   verb_samples TOKEN                          ends it, and prints the file
#   verb_unsample TOKEN                         ends it, and removes the file
# Sets:
#   token: for note
#   code: started, replayed, ended, ok, unknown, or why not
# Expects:
#   nl, out, now, now_hundredths, read_uptime, is_number, is_token, short_sleep: setup.sh
#   pid, start, image, ticks, stat_text, own_id, pin_process, other_image, read_stat, read_own_id, is_alive: identity.sh
#   home, note, read_journal, j_sampled: journal.sh
#   lock_held: lock.sh
#   memory_group, cpu_group, limit, limited, find_groups, find_limit: groups.sh
#   idle, all, page_size, listed, read_host, read_page_size, list_processes, print_around, print_kernel_lines: scene.sh

verb_sample() {
  [ $# -ge 5 ] && is_number "$4" 5 && is_token "$5" && is_number "${6-0}" 5 || { code=bad; return; }
  samples=$home/$5.samples
  [ ! -e "$samples" ] || { code=replayed; return; }
  read_journal "$5"
  [ -z "$j_sampled" ] || { code=ended; return; } # whoever asks was stopped for a while: the samples are home
  pin_process "$1" "$2" "$3" || return
  { true >"$samples"; } || { code=journal; return; }
  sampled_start=$2 sampled_image=$3 seconds=$4 around_after=${6-0}
  ( keep_sampling ) &
  waits=0
  until [ -s "$samples" ] || [ $waits -ge 300 ]; do
    waits=$((waits + 1))
    [ $waits -lt 200 ] || short_sleep
  done
  code=started
}

keep_sampling() {
  lock_held='' enough=''
  trap 'enough=1' TERM
  trap '' HUP PIPE INT
  exec </dev/null >>"$samples"
  read_own_id
  read_uptime
  read_page_size
  printf 'sampler %s\npage %s\n' "$own_id" "$page_size"
  sample_until=$((now + seconds)) around_at=$((now + around_after)) pause=$((seconds / 1800 + 1)) why=over
  find_groups
  find_limit "$cpu_group" cpu.max cpu.cfs_quota_us
  cpu_stat=$limited/cpu.stat
  find_limit "$memory_group" memory.max memory.limit_in_bytes
  [ -z "$limit" ] || printf 'limit %s\n' "$limit"
  take_sample || why=gone
  while [ $why = over ] && [ -z "$enough" ] && [ "$now" -lt $sample_until ]; do
    [ -z "$around_at" ] || [ "$now" -lt "$around_at" ] || look_around
    sleep $pause & wait $!
    take_sample || why=gone
  done
  [ $why = gone ] || [ -z "$around_at" ] || look_around
  [ $why != gone ] || why=$gone_how
  printf '%s %s\n' "$why" "$now_hundredths"
  if [ $why = over ]; then read_uptime; printf 'list %s\n' "$now_hundredths"; list_processes
  else read_memory; printf 'killed %s\n' "${kills:--}"; print_kernel_lines; fi
  exit 0
}

look_around() { # once
  print_around
  printf 'list %s\n%s\n' "$now_hundredths" "$listed"
  around_at=
}

# `sample UPTIME TICKS PAGES THREADS FAULTS  GROUP-USEC PERIODS THROTTLED THROTTLED-TIME MEMORY KILLS  IDLE ALL FREE-KB`
take_sample() { # fails where the process is gone
  read_uptime
  stat_text='' gone_how=gone
  read_stat stat && [ "$start" = "$sampled_start" ] || return 1
  [ "$image" = "$sampled_image" ] || { other_image; [ "$code" != replaced ] || gone_how=replaced; return 1; }
  set -- $stat_text
  set -- "$ticks" "${22}" "${18}" "${10}"
  read_group_time; read_memory; read_host; read_free_memory
  printf 'sample %s %s %s %s %s ' "$now_hundredths" "$@"
  printf '%s %s %s %s ' "${usage:--}" "${periods:--}" "${throttled:--}" "${throttled_for:--}"
  printf '%s %s %s %s %s\n' "${used:--}" "${kills:--}" "$idle" "$all" "${free_memory:--}"
}

read_group_time() {
  usage='' periods='' throttled='' throttled_for=''
  while read -r key value; do
    case $key in
    usage_usec) usage=$value ;;
    nr_periods) periods=$value ;;
    nr_throttled) throttled=$value ;;
    throttled_usec) throttled_for=${value}000 ;;
    throttled_time) throttled_for=$value ;;
    esac
  done <"$cpu_stat"
}

read_memory() { # -> used, in bytes; kills: how many of the group the kernel has killed for lack of memory
  used='' kills=''
  { read -r used <"$memory_group/memory.current" || read -r used <"$memory_group/memory.usage_in_bytes"; }
  for file in memory.events memory.oom_control; do
    [ -f "$memory_group/$file" ] || continue
    while read -r key value; do [ "$key" != oom_kill ] || kills=$value; done <"$memory_group/$file"
  done
}

read_free_memory() { # -> free_memory, in KB
  free_memory=''
  while read -r key value _; do case $key in MemAvailable:) free_memory=$value; break ;; esac; done </proc/meminfo
}

find_sampler() { # TOKEN -> samples, sampler; or code
  is_token "${1-}" || { code=bad; return 1; }
  samples=$home/$1.samples sampler=
  [ -f "$samples" ] || { code=unknown; return 1; }
  { read -r _ sampler <"$samples"; }
}

end_sampler() {
  waits=0
  while [ -n "$sampler" ] && is_alive "$sampler" && [ $waits -lt 60 ]; do
    [ $waits -gt 0 ] || kill -s TERM "${sampler%%:*}"
    waits=$((waits + 1))
    short_sleep
  done
}

verb_samples() {
  find_sampler "${1-}" || return
  end_sampler
  out=$out$(head -c 1000000 "$samples")$nl
  code=ok
}

verb_unsample() {
  is_token "${1-}" || { code=bad; return; }
  token=$1
  read_journal && { [ -n "$j_sampled" ] || note sampled; }
  find_sampler "${1-}" || return
  end_sampler
  rm -f "$samples"
  code=ok
}
