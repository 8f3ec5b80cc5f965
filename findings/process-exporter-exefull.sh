#!/bin/sh
# prometheus-process-exporter 0.7.10 (Debian bookworm, 0.7.10-3+b5): {{.ExeFull}} is not the executable's path.
#
# Its README calls ExeFull "the fully qualified path of the executable" and ExeBase its base name. Both are made of
# argv[0], as whoever started the process wrote it: relative where that was relative, and a link's name where it was a
# link. Who looks a group up by /proc/PID/exe finds nothing.
#
# Seen, for a link `linked-sleep` to /bin/sleep that was started as `./linked-sleep`:
#   namedprocess_namegroup_num_procs{groupname="full=./linked-sleep base=linked-sleep"} 1
set -eu
work=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || :; done; rm -rf "$work"' EXIT
cd "$work"
apt-get download prometheus-process-exporter=0.7.10-3+b5 >/dev/null 2>&1
dpkg-deb -x prometheus-process-exporter_*.deb .
ln -s "$(readlink -f "$(command -v sleep)")" linked-sleep
./linked-sleep 60 &
pids=$!
cat >config.yml <<'CONFIG'
process_names:
  - name: "full={{.ExeFull}} base={{.ExeBase}}"
    exe: [linked-sleep]
CONFIG
port=$((20000 + $$ % 20000))
usr/bin/prometheus-process-exporter -config.path config.yml -web.listen-address "127.0.0.1:$port" 2>log &
pids="$pids $!"
tries=0
until curl -fs "http://127.0.0.1:$port/metrics" >metrics; do
  tries=$((tries + 1))
  [ $tries -lt 50 ] || { cat log; exit 2; }
  sleep 0.2
done
grep num_procs metrics | grep -v '^#'
echo "the executable: $(readlink "/proc/${pids%% *}/exe")"
grep -qF 'groupname="full=./linked-sleep base=linked-sleep"' metrics
