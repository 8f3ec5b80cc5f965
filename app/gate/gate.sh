# shellcheck shell=sh
# alertprof's gate: runs on the target, under any POSIX sh, and needs nothing installed there.
#
# It reads requests, one a line: `SEQ VERB NUMBERS…`, of digits, small letters and colons only, and answers each with
# lines `KEY VALUE` and a last line `.SEQ CODE`. No name, path or label ever comes in; what goes out is data.
# What it did for a capture it journals first, in an append-only file named after the capture's token: a line that was
# cut off has no newline and counts as not written. On the way to a signal nothing is forked that can be avoided: a fork
# costs a millisecond, reading /proc with builtins a tenth of one.
gate() {
set -uf; set -C; umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C IFS=' 	
'
export PATH LC_ALL
unset CDPATH ENV 2>/dev/null
trap '' HUP PIPE
exec 2>/dev/null
nl='
' ws=$IFS
# Lists are gone through by `IFS=$nl; for l in $LIST; do IFS=$ws`, and none comes out of a here-document: bash before 5.1
# and ksh make a file of that, and where /tmp is full the list would seem to be empty.

# ---------------------------------------------------------------- words and answers
say() { out="$out$1 $2$nl"; }
number() { case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac; [ ${#1} -le "$2" ]; }
hex() { case $1 in '' | *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq 32 ]; }
nap() { sleep 0.05 || sleep 1; }
uptime() { read -r now _ </proc/uptime; cs=${now%.*}${now#*.} now=${now%.*}; } # seconds, and hundredths of one

# ---------------------------------------------------------------- who is it
# `cd /proc/PID` pins one process: once it is reaped ./stat fails for ever, whoever gets the number next.
# The start time is field 22 after the last `) `; fields 26 and 28 (start of code and of stack) change on exec, which
# keeps both pid and start time.
stat_of() {
  s=
  { while IFS= read -r l || [ -n "$l" ]; do s=$s$l; done <"$1"; } || return 1
  [ -n "$s" ] || return 1
  comm=${s#*\(}; comm=${comm%\) *}; s=${s##*\) }
  set -- $s; [ $# -ge 26 ] || return 1
  state=$1 parent=$2 ticks=$((${12} + ${13})) start=${20} image=${24}:${26}
  case $state in Z | X | x) return 1 ;; esac
}
shut_eyes() { [ -z "$s" ] && [ -e "/proc/$1/stat" ]; } # after stat_of: it is there, and could not be opened
pin() { # PID START IMAGE
  number "$1" 7 && [ "$1" -gt 1 ] && number "$2" 20 || { code=bad; return 1; }
  pid=$1
  s=; cd "/proc/$pid" && stat_of stat || { code=gone; shut_eyes "$pid" && code=blind; return 1; }
  [ "$start" = "$2" ] || { code=replaced; return 1; }
  [ -z "${3-}" ] || [ "$image" = "$3" ] || { code=replaced; return 1; }
}
# bash and ksh read ahead and seek back at every `read`, and the kernel writes the file anew at a seek: where the state
# has become a shorter word meanwhile, the line that follows loses its first letters. What is not whole is read again.
status() { # or code: gone, or busy for one that lives
  reads=1
  until whole; do
    stat_of stat || { code=gone; shut_eyes "$pid" && code=blind; return 1; }
    reads=$((reads + 1)); [ $reads -le 20 ] || { code=busy; return 1; }
  done
  ns=${ns:-$pid}
}
whole() {
  tgid='' ns='' uid='' euid='' gid='' pending='' ignored='' caught='' tracer='' nested=''
  while read -r k v r; do
    case $k in
    Tgid:) tgid=$v ;; TracerPid:) tracer=$v ;; Uid:) uid=$v euid=${r%%[!0-9]*} ;; Gid:) gid=$v ;;
    NSpid:) for ns in $v $r; do :; done ;; NStgid: | NSpgid:) nested=1 ;;
    ShdPnd:) pending=$v ;; SigIgn:) ignored=$v ;; SigCgt:) caught=$v; break ;;
    esac
  done <status
  [ -z "$nested" ] || [ -n "$ns" ] || return 1 # a kernel before 4.1 has neither
  [ -n "$tgid" ] && [ -n "$tracer" ] && [ -n "$uid" ] && [ -n "$gid" ] && [ -n "$pending" ] && [ -n "$ignored" ] && [ -n "$caught" ]
}

# ---------------------------------------------------------------- what does it do with SIGUSR1 (10) and SIGUSR2 (12)
# Bits 9 and 11: the third hex digit from the right (never by arithmetic: dash's saturates). A Go program's signal
# thread blocks everything but what the program asked for; no other thread's mask looks like that.
listens() {
  mask=
  eval "f=\${l_$pid-}" # where it was the last time
  set +f; set -- $f task/*/status; set -f
  for f; do
    b='' reads=0
    until [ -n "$b" ] || [ $reads -eq 20 ]; do
      while read -r k v; do case $k in SigBlk:) b=$v; break ;; esac; done <"$f"
      reads=$((reads + 1)); [ -f "$f" ] || break
    done
    case $b in fffffffc????????) mask=$b; eval "l_$pid=\$f"; return ;; esac
  done
}
wants1() { case $mask in '' | *[014589cd]??) ;; *) return 1 ;; esac; case $caught in *[2367abef]??) ;; *) return 1 ;; esac; }
wants2() { case $mask in '' | *[0-7]??) ;; *) return 1 ;; esac; case $caught in *[89a-f]??) ;; *) return 1 ;; esac; }

has() { # MASK NUMBER: the bit of any signal, in the same way
  b=$((($2 - 1) / 4)) q=
  while [ $b -gt 0 ]; do q="$q?" b=$((b - 1)); done
  case $((($2 - 1) % 4)) in 0) b='[13579bdf]' ;; 1) b='[2367abef]' ;; 2) b='[4-7c-f]' ;; 3) b='[89a-f]' ;; esac
  # shellcheck disable=SC2254 # they are patterns
  case $1 in *$b$q) ;; *) return 1 ;; esac
}

# ---------------------------------------------------------------- which files of a recording are open
# A profile is a regular file; a process that holds none has none open, and asking that costs no fork.
files_open() {
  set +f; set -- fd/*; set -f
  any=1 see=1
  for f; do
    [ -e "$f" ] && see=0
    [ -f "$f" ] && { any=0; break; }
  done
  return $any
}
scan() { # -> open: lines `FD KIND STAMP PATH`; live: kinds open that only a running recording holds (a trace stays open)
  open='' live='' unreadable=''
  n_fd=0
  until files_open; do
    [ $see = 1 ] || return 0
    stat_of stat || { unreadable=gone; return 0; } # who is about to end has no files any more
    n_fd=$((n_fd + 1)); [ $n_fd -lt 10 ] || { unreadable=unreadable; return 0; }
    nap
  done
  # The last line says that all were listed: who could not fork has not seen that there are none. What is no line of a
  # link is part of a name with a line break: a recording's files could not be told by such names.
  open=$({ ls -ln fd/; echo ".$?"; } | sed -n -e '/^\.[01]$/{p;d;}' -e '/^total /d' -e '/^l/!{s/.*/odd/p;d;}' \
    -e "s@^.* \([0-9][0-9]*\) -> \(/.*-$ns-\([a-z]*\)-\([0-9]\{10\}\)\.pprof\)\( (deleted)\)*\$@\1 \3 \4 \2@p")
  case $nl$open in *"$nl".[01]) open=${open%.?} ;; *) open='' unreadable=blind; return 0 ;; esac
  IFS=$nl; for l in $open; do IFS=$ws
    set -- $l
    [ "$l" != odd ] || unreadable=unreadable
    case ${2-} in cpu | mem | mutex | block | threadcreate) live="$live $2" ;; esac
  done; IFS=$ws
}
ids() { # -> known: `dev:ino:uid FD` a line, of what is open now
  known=$nl
  [ -n "$open" ] || return 0
  f=; IFS=$nl; for l in $open; do IFS=$ws; f="$f fd/${l%% *}"; done; IFS=$ws
  known=$nl$(stat -L -c '%d:%i:%u %n' $f; echo ".$?")
  case $known in *"$nl".[01]) ;; *) known=$nl unreadable=blind; return 1 ;; esac
}
# A program may set its TMPDIR itself, which its environment does not show. Where files of it are open it is seen.
# shellcheck disable=SC3013 # all three have -ef
roost() { # -> dir: where its files lie: with this token's, or with those that it has open; else where TMPDIR says
  dir=root$tmp
  IFS=$nl; for l in $open; do IFS=$ws # FD KIND STAMP PATH
    f=${l#* * * }
    for d in "root${f%/*}" "${f%/*}"; do [ "fd/${l%% *}" -ef "$d/${f##*/}" ] && dir=$d; done
  done
  IFS=$nl; for l in $j_files; do IFS=$ws # KIND STAMP ID PATH
    set -- $l
    where "${l#* * * }" && [ "$(stat -L -c '%d:%i:%u' "$place")" = "$3" ] && dir=${place%/*}
  done; IFS=$ws
}
stamps() { # SUFFIX -> there: the stamps of this process's files where they lie
  scan; roost
  set +f; set -- "$dir"/*-"$ns"-*-??????????."$1"; set -f
  there=
  for f; do
    f=${f%.*}; f=${f##*-}
    case $f in *[!0-9]* | '') ;; *) there="$there $f" ;; esac
  done
}

# ---------------------------------------------------------------- what is it (remembered for as long as it runs the same image)
# go-zero is known by its function table, which stripping leaves: StartProfile is in all of them, Stopper.Stop-fm in all
# whose recordings stop by themselves (v1.6.1), and wherever a program's own code takes Stop as a value. So the build
# information has to say the same. `tr` first: busybox grep ends a line at a NUL.
nature() { # or code: blind
  eval "c=\${c_$pid-}"
  if [ "$c" = "$start $image" ]; then
    eval "mode=\$m_$pid tmp=\$t_$pid version=\$v_$pid gover=\$g_$pid exe=\$e_$pid args=\$a_$pid build=\$b_$pid also=\$o_$pid conflict=\$k_$pid"
    return
  fi
  found='' tmp=''
  if { true <exe; }; then # `?0` says that it was read to the end
    found=$({ tr '\000' '\n' <exe; echo "?$?"; } | grep -aoE \
      -e '^(\?0|[A-Za-z0-9_.~%/-]+/core/proc\.(StartProfile|Stopper\.Stop-fm)|[[:cntrl:]]?go1\.[0-9]+(\.[0-9]+)?[a-z0-9]*)$' \
      -e '^dep	(github\.com/(zeromicro|tal-tech)/go-zero	[0-9A-Za-z.+-]+)?' -e '^=>	[^	]{1,200}	[0-9A-Za-z.+()-]+' \
      -e "^([A-Za-z0-9_.~%/-]+/vendor/)?($restarters)\\." -e '^[A-Za-z0-9_-]{20}(/[A-Za-z0-9_-]{20}){3}$' | head -n 9999)
    case $nl$found$nl in *"$nl?0$nl"*) ;; *) code=blind; return 1 ;; esac
  fi
  judge
  if { true <environ; }; then
    tmp=$({ tr '\n\000' '\002\n' <environ; echo "?$?"; } | sed -n -e 's/^TMPDIR=//p' -e '/^?0$/p')
    case $nl$tmp in *"$nl?0") tmp=${tmp%%"$nl"*} ;; *) code=blind; return 1 ;; esac
  fi
  case $tmp in /*) ;; '') tmp=/tmp ;; *) d=$(readlink cwd); case $d in *"$nl"* | '') tmp=$odd ;; *) tmp=$d/$tmp ;; esac ;; esac
  exe=$(readlink exe)
  case $exe in *"$nl"*) exe= ;; esac
  args=$(tr '\000\n' '\001\002' <cmdline | head -c 2000)
  # Both stand in the names of its profiles, and with a line break in them nobody could tell when these are closed.
  case $tmp in *"$odd"*) mode=none ;; esac
  case $args in *"$odd"*) case ${args%%"$odd"*} in *[[:cntrl:]]*) ;; *) mode=none ;; esac ;; esac
  [ -n "$build" ] || { build=$(sha256sum <exe) && build=sha256:${build%% *}; } || build=
  [ -n "$exe" ] || return 0
  eval "c_$pid='$start $image' m_$pid=\$mode t_$pid=\$tmp v_$pid=\$version g_$pid=\$gover e_$pid=\$exe a_$pid=\$args b_$pid=\$build o_$pid=\$also k_$pid=\$conflict r_$pid="
}
# What ends or restarts a program at SIGUSR2 or SIGUSR1 unless it is told otherwise.
restarters='github\.com/(jpillora/overseer|facebook(go|archive)/grace/gracehttp|rcrowley/goagain|cupcake/mannersagain|fvbock/endless|gogf/gf(/v2)?/net/ghttp|TarsCloud/TarsGo/tars/util/grace|gravitational/teleport/lib/service)'
judge() { # what was found -> mode, version, gover, build; also: a restarter; conflict: what does not agree
  mode=none version='' gover='' build='' also='' conflict='' path='' more='' table=' ' deps='' of=''
  IFS=$nl; for l in $found; do IFS=$ws
    case $l in
    'dep	github'*) l=${l#dep	}; of=${l%%	*}; deps="$deps$of ${l##*	}$nl" ;;
    'dep	') of= ;;
    '=>	'*) l=${l##*	}; [ -z "$of" ] || [ "$l" = '(devel)' ] || deps="${deps%" "*} $l$nl" ;;
    *.StartProfile) l=${l%/core/proc.*}; case " $path$more " in *" $l "*) ;; *) if [ -z "$path" ]; then path=$l; else more="$more $l"; fi ;; esac ;;
    *.Stop-fm) table="$table${l%/core/proc.*} " ;;
    github.com/* | */vendor/github.com/*) also=${l%.}; also=${also##*/vendor/} ;;
    ????????????????????/*/*/*) l=go:$l; [ "${build:-$l}" = "$l" ] || conflict=programs; build=$l ;; # of the linker, not set by hand
    *go1.[0-9]*) gover=go1.${l#*go1.} ;;
    esac
  done; IFS=$ws
  case $path in */go-zero) ;; *) conflict=; return ;; esac
  mode=toggle; case $table in *" $path "*) mode=timed ;; esac
  IFS=$nl; for l in $deps; do IFS=$ws
    [ "${l% *}" = "${path##*/vendor/}" ] || continue
    l=${l##* }
    [ "${version:-$l}" = "$l" ] || conflict="versions $version $l"
    version=$l
  done; IFS=$ws
  [ -z "$more" ] || conflict="modules $path$more"
  if [ -z "$conflict" ]; then meant "$version"; [ "${means:-$mode}" = "$mode" ] || conflict="table $mode"; fi
  [ -z "$conflict" ] || mode=conflict
}
meant() { # VERSION -> means: what SIGUSR2 does in that release; nothing where it cannot be told
  means=
  case $1 in v1.[0-9]*.[0-9]*) ;; *) return ;; esac
  set -- "${1#v1.}"; set -- "${1%%.*}" "${1#*.}"
  number "$1" 4 || return
  if [ "$1" -lt 6 ]; then means=toggle
  elif [ "$1" -gt 6 ]; then means=timed
  else case $2 in 0) means=toggle ;; 0-* | 1-*) ;; *) means=timed ;; esac; fi
}
# The Go runtime counts for every signal how many channels the program has asked for it with: os/signal's handlers.ref,
# 65 numbers behind a pointer, among its variables. Where they lie is found by their shape: zero for each signal that
# the signal thread blocks, and for no signal 0. Where no such thread is found it may be that all are asked for, 0 too.
# `od` folds equal lines, busybox awk takes a leading zero for octal.
askers() { # after listens -> asks: of SIGUSR1 and SIGUSR2, or nothing where it cannot be seen
  asks=''
  [ "$mode" != none ] || return 0
  eval "ref=\${r_$pid-}"
  [ "$ref" != "none $mask" ] || return 0
  case $ref in
  '' | none*)
    sought
    number "$ref" 10 || { eval "r_$pid=\"none \$mask\""; return 0; }
    ref=$((from + ref)); eval "r_$pid=\$ref" ;;
  esac
  set -- $(dd if=mem bs=8 skip=$((ref / 8)) count=13 | od -A n -v -t u8)
  [ $# -eq 13 ] && number "${11}" 3 && number "${13}" 3 && asks="${11} ${13}"
  return 0
}
# What is far from any small number is left out, and no more is remembered than lies beside what is judged: a program may
# have filled all of its variables.
sought() { # -> ref: where the counts lie, from `from` on
  ref='' least=2
  [ -n "$mask" ] || least=40
  variables
  [ -n "$from" ] || return 0
  ref=$(dd if=mem bs=4096 skip=$((from / 4096)) count=$(((to - from) / 4096)) | od -A d -t u8 |
    grep -E -A 40 -B 40 ' [1-9][0-9]{0,2}( |$)' | awk -v mask="${mask:-0000000000000000}" -v least=$least '
    function put(at, number) {
      if (number == "" || number == "0") return
      n++; p[n] = at; x[n] = number + 0
      settle(at)
    }
    function settle(at) {
      while (i < n && p[i + 1] + 440 <= at) {
        i++
        while (p[old + 1] < p[i] - 96) { old++; delete p[old]; delete x[old] }
        if (x[i] < 1000) judge(p[i] - 80)
      }
    }
    function judge(base,   j, map, all, two) {
      for (j = i; j > old && p[j] > base - 16; j--)
        if (p[j] == base - 8) map = x[j]
        else if (x[j] > 999 || p[j] == base && least == 2 || p[j] > base && blocked((p[j] - base) / 8)) return
        else all++
      if (map < 65536 || map >= 2 ^ 47 || map % 8) return
      for (j = i; j <= n && p[j] < base + 520; j++)
        if (x[j] > 999 || blocked((p[j] - base) / 8)) return
        else { all++; if (p[j] == base + 96) two = 1 }
      if (!two || all <= least || wide && all < most) return
      many = wide && all > most ? 1 : many + 1
      most = all; found = base
    }
    function blocked(s) { d = index("0123456789abcdef", substr(mask, 16 - int((s - 1) / 4), 1)) - 1; return int(d / 2 ^ ((s - 1) % 4)) % 2 }
    BEGIN { wide = least > 2 } # then it is the one that holds most
    $1 == "*" { again = 1; next }
    $1 == "--" { a = b = "0"; again = 0; next }
    {
      sub(/^0+/, "", $1); at = $1 + 0
      for (q = was + 16; again && q < at && (a != "0" || b != "0"); q += 16) {
        if (q > was + 640 && at - q > 1280) q += int((at - q - 640) / 16) * 16 # of a long run both ends will do
        put(q, a); put(q + 8, b)
      }
      again = 0; was = at; a = $2; b = $3; put(at, a); put(at + 8, b)
    }
    END { settle(at + 1000); if (many == 1) print found }')
}
variables() { # -> from, to: where the program's variables lie, 32 MiB at most
  from='' to='' exe_is="${exe%' (deleted)'}"
  while IFS= read -r l; do
    set -- $l
    case ${2-} in rw*) ;; *) [ -z "$from" ] || break; continue ;; esac
    l=$((0x${1%-*})); [ -z "$from" ] || [ "$l" = "$to" ] || break
    if [ "${6-}" = "${exe_is%% *}" ] && [ -n "$exe_is" ]; then from=${from:-$l}; elif [ -z "$from" ]; then continue; elif [ -n "${6-}" ]; then break; fi
    to=$((0x${1#*-}))
  done <maps
  [ -z "$from" ] || [ $((to - from)) -le 33554432 ] || to=$((from + 33554432))
}
alone() { # does nothing but go-zero ask for these signals, as far as can be seen?
  askers
  case $also$asks in '' | '1 1') return 0 ;; esac
  code=shared; return 1
}
space() { # DIRECTORY -> free: kilobytes where the files go, at most five seconds old
  uptime
  [ "${spaced-}" != "$pid $1" ] || [ $((now - spaced_at)) -ge 5 ] || return 0
  spaced="$pid $1" spaced_at=$now
  set -- $(df -Pk "$1/." | tail -n 1)
  free=${4-}
}

# ---------------------------------------------------------------- the journal and the lock
home() {
  k=; until [ "$k" = Uid: ]; do while read -r k _ user _; do case $k in Uid:) break ;; esac; done </proc/self/status; done
  if [ "$user" = 0 ]; then set -- /run /tmp; else set -- "${HOME:-/nonexistent}" /tmp; fi
  for b; do
    [ -d "$b" ] && [ -w "$b" ] || continue
    D=$b/.alertprof-$user
    [ -d "$D" ] || mkdir -m 700 "$D"
    [ -d "$D" ] && [ ! -h "$D" ] && [ -O "$D" ] || continue
    case $(ls -ldn "$D") in drwx------*) return 0 ;; esac
  done
  return 1
}
note() { # A line that a full disk cut off is marked as such before the next one follows it.
  printf '%s%s\n' "${j_cut:+ ~cut~$nl}" "$1" >>"$D/$token" && j_cut='' || { j_cut=1; return 1; }
}
recall() { # [TOKEN]
  j_pid='' j_start='' j_image='' j_mode='' j_sent='' j_stop='' j_again='' j_done='' j_fired='' j_base='' j_files='' j_dog='' j_dump='' j_dumped=''
  j_recipe='' j_place='' j_ran='' j_exit='' j_end='' j_signals='' j_was='' j_dir='' j_took='' j_printed='' j_nest='' j_since='' j_cut=''
  j_after='' j_died='' j_due='' j_left='' j_gone=''
  unread='' whose=${1-$token}; [ -f "$D/${1-$token}" ] || return 1
  { true <"$D/${1-$token}"; } || { unread=blind; return 1; }
  while IFS= read -r l; do
    v=${l#* }
    case $l in
    *' ~cut~') ;;
    'intent '*) set -- $v; j_pid=$1 j_start=$2 j_image=$3 j_mode=$4 ;;
    'recipe '*) j_recipe=$v ;;
    'place '*) j_place=$v ;;
    'ran '*) j_ran=$v ;;
    'exit '*) j_exit=$v ;;
    'end '*) j_end=$v ;;
    'signals '*) j_signals=$v ;;
    'since '*) j_since=$v ;;
    was*) j_was="${l#was} " ;;
    'dir '*) j_dir=$v ;;
    'nest '*) j_nest=$v ;;
    'printed '*) j_printed=$v ;;
    took) j_took=1 ;;
    base*) j_base="${l#base} " ;;
    'dog '*) j_dog=$v ;;
    'gone '*) j_gone="$j_gone $v " ;;
    'sent '*) j_sent=$v ;;
    'due '*) j_due=$v ;;
    'after '*) j_after=$v ;;
    'died '*) j_died=${j_died:-$v} ;;
    left) j_left=1 ;;
    'file goroutines '*) j_dumped=1 j_files="$j_files${l#file }$nl" ;;
    'file '*) j_files="$j_files${l#file }$nl" ;;
    dump*) j_dump="${l#dump} " ;;
    'stop '*) j_stop=$v ;;
    'again '*) j_again=$v ;;
    fired) j_fired=1 ;;
    closed) j_done=1 ;;
    esac
  done <"$D/${1-$token}"
  j_cut=$l # what has no end
  case $j_mode-$j_due$j_sent in timed-[1-9]*) j_due=${j_due:-$((j_sent + 75))} ;; esac # gates once noted no due time
  [ -n "$j_stop" ] || eval "j_stop=\${s_$whose-}"; [ -n "$j_again" ] || eval "j_again=\${a_$whose-}" # where it could not be noted
  [ -n "$j_stop" ] || [ ! -h "$D/$whose.stop" ] || j_stop=0
  [ -n "$j_mode" ]
}
# The lock's content is its owner, `pid:start`. Of a dead one only one can ever remove it: whose turn it is. Who died
# while it was his turn is followed by one other, and so on.
living() {
  set -- "$1" "$comm" "$state" "$start" "$image"
  stat_of "/proc/${1%%:*}/stat" && [ "$start" = "${1#*:}" ] && set -- "$@" yes
  comm=$2 state=$3 start=$4 image=$5
  [ $# -eq 6 ]
}
myself() { read -r me _ </proc/self/stat; stat_of /proc/self/stat; me=$me:$start; }
owner() { o=; if [ -h "$L.lock" ]; then o=$(readlink "$L.lock"); else { read -r o <"$L.lock"; }; fi; }
turn() { # OF WHOM: is it ours now?
  t=$1
  until ln -s "$me" "$L.turn.$t"; do
    t=$(readlink "$L.turn.$t")
    [ "$t" != "$me" ] || return 0
    [ -n "$t" ] && ! living "$t" || return 1
  done
}
lock() {
  L=$D/$1-$2
  n=0 void=0
  until { made=; { made=1; printf '%s\n' "$me"; } >"$L.lock"; }; do
    if [ -n "$made" ]; then # a full disk holds no line, but a recording must still end: a link needs no room
      rm -f "$L.lock"; ln -s "$me" "$L.lock" && break
    fi
    owner; dead=$o
    if [ -n "$o" ] || [ ! -f "$L.lock" ]; then void=0; else void=$((void + 1)); fi
    if [ -n "$o" ]; then ! living "$o" || dead=
    elif [ $void -ge 60 ]; then dead=void.$(stat -c %i "$L.lock") # so often empty: who made it died before the line
    fi
    if [ -n "$dead" ] && turn "$dead"; then
      held_by=$o; owner; [ "$o" != "$held_by" ] || rm -f "$L.lock"
    fi
    # Where nobody can make an entry (read-only, no inode left) the gates are busy, and the dead-man's switch is alone.
    [ -z "$watchdog" ] || [ $n -lt 20 ] || { ln -s "$me" "$L.try.$me" && rm -f "$L.try.$me"; } || living "$o" || return 0
    n=$((n + 1)); [ $n -lt 120 ] || { code=busy; return 1; }
    [ ! -f "$L.lock" ] && [ ! -h "$L.lock" ] || nap
  done
  held=1
}
unlock() { [ -z "$held" ] || rm -f "$L.lock"; held=; }

# ---------------------------------------------------------------- signals
send() { # SIGNAL IMAGE [NOTE]: identity once more, with no fork between the look and the kill, and a proof afterwards
  pin "$pid" "$want" "$2" || return 1
  [ -z "${3-}" ] || note "$3" || { code=journal; return 1; }
  uptime; note "after $1 $cs"; j_after="$1 $cs"
  kill -s "$1" "$pid" || { pin "$pid" "$want" "$2" && code=denied; return 1; }
  pin "$pid" "$want" "$2" || say warning died
}
harmed() { # the process is gone, or another: did it end within seconds of a signal of ours?
  if [ -z "$j_died" ]; then
    case $code-$j_after in gone-?* | replaced-?*) ;; *) return ;; esac
    uptime; set -- $j_after
    number "${2-}" 12 && [ $((cs - $2)) -le 1000 ] || return
    j_died="$((cs - $2)) $1"; note "died $j_died"
  fi
  w=${j_died%% *}; case $w in ?) w=00$w ;; ??) w=0$w ;; esac
  say ended "${w%??}.${w#"${w%??}"} ${j_died#* }"
}
safe() { # may SIGUSR2 be sent? everything that could have changed since somebody looked
  status || return 1
  [ "$tgid" = "$pid" ] || { code=thread; return 1; }
  case $state in T | t) code=stopped; return 1 ;; esac
  [ "$tracer" = 0 ] || { code=traced; return 1; }
  case $caught in *[89a-f]??) ;; *) code=deadly; return 1 ;; esac
  case $pending in *[89a-f]??) code=pending; return 1 ;; esac
  listens; wants2 || { code=deaf; return 1; }
}
recent() { # two recordings in one second would share file names, and two signals in a millisecond become one
  { read -r _ t <"$D/$pid-$want.last"; } || return 1
  number "$t" 12 || return 1
  uptime; [ $((now - t)) -lt 2 ]
}
mark() { uptime; printf '%s %s\n' "$token" "$now" >|"$D/$pid-$want.last"; }

# ---------------------------------------------------------------- the files of this token
record() { # remember exactly which open files are this recording's, by device, inode and owner
  [ -n "$open" ] || return 0
  ids || return 1
  IFS=$nl; for l in $open; do IFS=$ws
    set -- $l; n=$1 k=${2-} stamp=${3-} path=${l#* * * }
    case $k in cpu | mem | mutex | block | trace | threadcreate) ;; *) continue ;; esac
    case $j_base in *" $stamp "*) continue ;; esac
    id=${known%% fd/"$n"*}; id=${id##*"$nl"}
    case $id in *:*:*) ;; *) continue ;; esac
    case $nl$j_files in *"$nl$k "*) continue ;; esac
    note "file $k $stamp $id $path"; j_files="$j_files$k $stamp $id $path$nl"
  done; IFS=$ws
}
find_files() { # nobody was there to see them open: by name, among those that were not there before
  roost
  set +f; set -- "$dir"/*-"$ns"-*-??????????.pprof; set -f
  for f; do
    [ -f "$f" ] && [ ! -h "$f" ] || continue
    s=${f%.pprof}; stamp=${s##*-}; s=${s%-*}; k=${s##*-}
    case $k in cpu | mem | mutex | block | trace | threadcreate) ;; *) continue ;; esac
    case $j_base in *" $stamp "*) continue ;; esac
    case $nl$j_files in *"$nl$k "*) continue ;; esac
    id=$(stat -L -c '%d:%i:%u %h' "$f"); path=${f#root}
    case $id in *":$uid 1" | *":$euid 1") id=${id% 1} ;; *) continue ;; esac
    note "file $k $stamp $id $path"; j_files="$j_files$k $stamp $id $path$nl"
  done
}
running() { # is this token's recording still on? -> ours: kinds of it that are open
  ours=
  [ -n "$live" ] && ids || return 1
  IFS=$nl; for l in $j_files; do IFS=$ws
    set -- $l
    case $1 in trace | goroutines) continue ;; esac
    case $known in *"$nl${3-} fd/"*) ours="$ours $1" ;; esac
  done; IFS=$ws
  [ -n "$ours" ]
}
confirm() { # wait until the last file of the six is open
  n=0
  while :; do
    scan
    case $live in *threadcreate*) scan; break ;; esac # the last to be opened: only a look begun after it sees all six
    [ $n -lt 60 ] && stat_of stat && [ "$image" = "$j_image" ] || break
    n=$((n + 1)); nap
  done
  record
}
files() { # `file KIND STAMP SIZE` of every file of this token, or `vanished`
  IFS=$nl; for l in $j_files; do IFS=$ws
    set -- $l; [ $# -ge 4 ] || continue
    where "${l#* * * }" && x=$(stat -L -c '%d:%i:%u %s' "$place") || x=
    case $x in "$3 "*) say file "$1 $2 ${long:-${x#* }}" ;; *) say file "$1 $2 vanished" ;; esac
  done; IFS=$ws
}
where() { # the place of a journaled path: ours, or inside the process's own root while it lives; and which part of it
  place=$1 from=0 long=
  case $1 in stdout' '*) set -- $1; from=$2 long=$3; printed; return ;; esac
  case $1 in "$D/$token.d"/*) [ -f "$place" ] && [ ! -h "$place" ]; return ;; esac
  cd "/proc/$j_pid" && stat_of stat && [ "$start" = "$j_start" ] && place=root$1
  [ -e "$place" ] || place=$1 # of a process in a chroot the path leads from our root; dev and inode tell whether it is right
  [ -f "$place" ] && [ ! -h "$place" ]
}
printed() { # -> place: of what the process printed, where that is a file
  place=fd/1
  cd "/proc/$j_pid" && stat_of stat && [ "$start" = "$j_start" ] && [ -f fd/1 ]
}

# ---------------------------------------------------------------- dead-man's switch
# Alive before the signal. Bound to its token. A session that is being torn down (TERM) means: stop now. For a recording
# that ends by itself it means nothing: only what is open long after its end is ended, by one signal.
# From the signal on it may be that no process can be started any more, and then dash ends itself. So what it waits for
# runs before: `read` ends when the alarm does, and the first try to stop the recording is of builtins alone.
alarm() { # SECONDS MODE: its `pid:start`, then a line now and then, for as long as it can
  trap '' HUP PIPE INT; [ "$2" != timed ] || trap '' TERM
  uptime; end=$((now + $1)) tick=0
  sleep "$1" &
  start=0; stat_of "/proc/$!/stat"
  printf '%s\n' "$!:$start"
  while uptime; n=$((end - now)); [ $n -gt 0 ]; do
    [ $tick -eq 5 ] || tick=$((tick + 1)) # a signal that harms does so at once
    [ $n -lt $tick ] || n=$tick
    sleep $n && echo || exit 0
  done
}
dog() { # SECONDS MODE
  held='' torn=; trap 'torn=1' TERM; trap '' HUP PIPE INT; [ "$2" != timed ] || trap '' TERM
  exec >/dev/null
  read -r clock || exit 0
  myself; note "dog $me"
  uptime; left=$((now + $1))
  while [ -z "$torn" ] && read -r _ && uptime && [ "$now" -lt "$left" ]; do
    due || { hushed; exit 0; }
  done
  due || { hushed; exit 0; }
  case $j_mode-$j_stop in timed-* | signal-?*) ;; *) note fired ;; esac
  # What else may ask for the signal by now is not seen without another process: only where none can be started.
  case $j_mode in timed) trap swift EXIT ;; *) swift; unlock ;; esac
  while :; do
    code=error
    case $j_mode in signal) quieted ;; *) ended; forsaken ;; esac
    unlock
    case $code in finished | gone | replaced | foreign) break ;; esac
    [ -z "$j_left" ] && due || break
    sleep 1
  done
  hushed
  trap - EXIT
  exit 0
}
due() { # may it still have to be ended? what cannot be seen may
  pin "$pid" "$want" "$j_image" || [ $code = blind ] || { ending=$code; recall; code=$ending; harmed; return 1; }
  recall || [ -n "$unread" ] || return 1
  [ -z "$j_done" ]
}
overdue() { # after status: is a recording open that had to end by itself, and would it take a signal at once?
  [ -z "$j_stop" ] && [ -n "$j_due" ] && uptime && [ "$now" -ge "$j_due" ] || return 1
  awake
}
awake() { # after status: would it take a signal at once?
  case $state$pending in [TtD]* | *[89a-f]??) return 1 ;; esac
  [ "$tracer" = 0 ] && ! frozen
}
frozen() { # a frozen process would take the signal after its recording has ended
  while IFS= read -r l; do
    case $l in 0::*) while read -r k v; do [ "$k" != frozen ] || [ "$v" != 1 ] || return 0; done <"/sys/fs/cgroup${l#0::}/cgroup.events" ;; esac
  done <cgroup
  return 1
}
hushed() { ! living "$clock" || kill "${clock%%:*}"; }
swift() { # sends what ends it, if it can be seen without another process that it is needed
  watchdog=1; { [ -n "$held" ] || lock "$pid" "$want"; } && recall && [ -z "$j_done$j_stop" ] && pin "$pid" "$want" && status && ! recent || return
  case $j_mode in
  toggle) records && listens && wants2 && set -- USR2 ;;
  timed) overdue && records && listens && wants2 && set -- USR2 && note fired ;;
  signal) set -- $j_signals; [ -n "$j_sent" ] && [ $# -eq 4 ] && [ "$1" != "$3" ] && recipe "$j_recipe" signal && may "$4" && set -- "$3" ;;
  esac || return
  uptime; stopping; mark; send "$1" "$j_image"
}
records() { # is the first of our files open?
  IFS=$nl; for l in $j_files; do IFS=$ws
    case $l in 'cpu '*) where "${l#* * * }" || return; set +f; set -- fd/*; set -f; break ;; *) set -- ;; esac
  done; IFS=$ws
  # shellcheck disable=SC3013 # all three have -ef
  for f; do [ "$f" -ef "$place" ] && return; done
  return 1
}
arm() { # SECONDS MODE
  alarm "$@" </dev/null | dog "$@" &
  n=0
  until recall && [ -n "$j_dog" ] && living "$j_dog"; do
    n=$((n + 1)); [ $n -lt 300 ] || { code=unarmed; return 1; }
    [ $n -lt 200 ] || nap
  done
}

# Second line, for a session whose every process is killed outright: a timer of the system's own, where we are root.
# The program is a file because systemd expands a dollar in a command line.
second() { # SECONDS
  [ "$user" = 0 ] && [ -d /run/systemd/system ] || return 0
  # shellcheck disable=SC2016 # expanded by the shell that the timer starts
  [ -f "$D/second" ] || printf '%s\n' '
    cd "/proc/$1" && s=$(cat stat) || exit 0
    set -f; set -- "$1" "$2" "$3" "$4" ${s##*) }
    [ "${24}" = "$2" ] && [ "${28}:${30}" = "$4" ] && grep -q "^SigCgt:.*[89a-f]..$" status && ! grep -q "^closed" "$3" || exit 0
    path=$(sed -n "s/^file cpu [0-9]* [0-9:]* //p" "$3")
    [ -n "$path" ] && ls -ln fd/ | grep -qF -- "-> $path" && echo fired >>"$3" && kill -s USR2 "$1"
  ' >"$D/second.$$" && mv -f "$D/second.$$" "$D/second"
  systemd-run --quiet --collect --unit="alertprof-$token" --on-active="$1" --timer-property=AccuracySec=1s \
    /bin/sh "$D/second" "$pid" "$want" "$D/$token" "$j_image"
}

# ---------------------------------------------------------------- the end of a recording
asleep() { # may it still begin what it was told to?
  status || return 0
  case $state in T | t | D) return 0 ;; esac
  case $pending in *[89a-f]??) ;; *) return 1 ;; esac
}
stopping() { # it is noted before it is sent; where there is no room, in this shell and by a link
  j_stop=$now; eval "s_$token=\$now"
  note "stop $now" || ln -s "$now" "$D/$token.stop"
}
ignores() { # was it seen awake for long, and did not end? who was stopped meanwhile may have taken the signal, and end yet
  status || return 1
  eval "set -- \${w_$token:-0 0}" # since when, until when
  if ! awake; then set -- 0 0; elif [ $((now - $2)) -le 5 ]; then set -- "$1" "$now"; else set -- "$now" "$now"; fi
  eval "w_$token='$1 $2'"
  [ "$1" != 0 ] && [ $((now - $1)) -ge 8 ]
}
forsaken() { # what should have ended by itself and will not be ended: it is told, and left alone
  case $code-$j_mode-$j_left in open-timed- | deaf-timed-) ;; *) return 0 ;; esac
  [ -n "$j_due" ] && uptime && [ $((now - j_due)) -ge 60 ] || return 0
  note left; j_left=1
}
over() { [ -n "$j_done" ] || note closed; j_done=1; }
ended() { # sees to it that this token's recording ends; code: finished, open (not yet), or why not
  lock "$j_pid" "$j_start" || return
  recall
  pin "$j_pid" "$j_start" "$j_image" || { case $code in gone | replaced) over ;; esac; return; }
  want=$j_start
  status || { [ $code != gone ] || over; return; }
  nature || return
  tries=0
  while :; do
    scan
    [ -z "$unreadable" ] || { code=$unreadable; return; }
    [ -n "$j_files" ] || record
    if ! running; then
      [ -z "$unreadable" ] || { code=$unreadable; return; }
      [ -n "$j_files" ] || { find_files; [ -z "$j_files" ] || continue; } # they may have been opened since the scan
      if [ -z "$j_files" ] && [ $tries -lt 40 ]; then tries=$((tries + 1)); nap; continue; fi
      [ -z "$live" ] || [ -n "$j_files" ] || { code=foreign; return; }
      [ -n "$j_files" ] || ! asleep || { code=open; return; }
      over; code=finished; return
    fi
    code=open
    case $j_mode in timed) status && overdue || return ;; toggle) ;; *) return ;; esac
    record # of what a full disk has kept out of the journal
    running || { tries=$((tries + 1)); [ $tries -lt 40 ] || return; nap; continue; }
    case $ours in *' cpu'*) ;; *) # cpu closes first: the end has begun, a second signal would begin another recording
      tries=$((tries + 1)); [ $tries -lt 40 ] || return; nap; continue ;; esac
    uptime
    if [ -z "$j_stop" ]; then
      listens; wants2 || { code=deaf; return; }
      while recent; do nap; done
      if [ "$j_mode" = timed ]; then alone || { code=open; return; }; note fired; j_fired=1; fi
      stopping; mark; send USR2 "$j_image" || return
    elif [ -z "$j_again" ] && ignores; then # lost: once more
      listens; wants2 || { code=deaf; return; }
      eval "a_$token=\$now"; note "again $now"; j_again=$now; mark; send USR2 "$j_image" || return
    fi
    tries=$((tries + 1)); [ $tries -lt 40 ] || return
    nap
  done
}

# ---------------------------------------------------------------- what the configuration has done here
# A recipe is a function of words of the configuration alone, each quoted. A request has no more than its hash, so that
# a key can have nothing done but what was installed. `how` tells its facts, `go` becomes the command, `files` hands the
# files that a signal leaves to `fits`.
# (recipes)
recipe() { # HASH WHAT -> put and grace of a command; first, no1, last, no2, sure and shows of a signal
  what='' shows=''
  command -v "r_$1" >/dev/null && "r_$1" how && [ "$what" = "$2" ] || { code=recipe; return 1; }
}
known() { # MODE: is the token known, for this very process?
  recall || { [ -n "$unread" ] && code=blind; return; }
  { [ "$j_pid" = "$pid" ] && [ "$j_start" = "$want" ]; } || code=replaced
  [ "$j_mode" = "$1" ] || code=bad
}
steady() { # may anything be done to it at all?
  status || return 1
  [ "$tgid" = "$pid" ] || { code=thread; return 1; }
  case $state in T | t) code=stopped; return 1 ;; esac
  [ "$tracer" = 0 ] || { code=traced; return 1; }
}
idle() { # does nothing record in it: neither another token's, nor go-zero by hand?
  scan
  [ -z "$unreadable" ] || { code=$unreadable; return 1; }
  [ -z "$live" ] || { code=already; return 1; }
  { read -r t _ <"$D/$pid-$want.last"; } && hex "$t" && [ "$t" != "$token" ] || return 0
  ! (
    uptime; recall "$t" && [ -z "$j_done" ] &&
      { living "$j_dog" || living "$j_ran" || [ "${j_end:-0}" -gt "$now" ]; }
  ) || { code=already; return 1; }
}
keeps() { note "file $1 0000000000 $2 $3"; j_files="$j_files$1 0000000000 $2 $3$nl"; }

# ---------------------------------------------------------------- a command, under a keeper that ends it
# Its processes are known by the token in their environment, whatever else they start and whoever their parents are.
hush() { # SIGNAL: to all of them, each looked at right before, with no fork between; were there any?
  sig=$1 any=1
  living "$j_ran" && kill -s "$sig" "${j_ran%%:*}" && any=0
  set +f; set -- $(grep -lF "ALERTPROF=$token" /proc/[0-9]*/environ; echo ".$?"); set -f
  for p; do
    case $p in .[012]) continue ;; .*) any=0; continue ;; esac # not looked at: there may be some
    p=${p%/environ}; p=${p#/proc/}
    [ "$p" != "${j_ran%%:*}" ] && cd "/proc/$p" && carries && kill -s "$sig" "$p" && any=0
  done
  cd /
  return $any
}
carries() {
  while IFS= read -r l || [ -n "$l" ]; do case $l in *"ALERTPROF=$token"*) return 0 ;; esac; done <environ
  return 1
}
ended_all() { # TERM, and KILL after five seconds
  n=0
  ! hush TERM || while [ $n -lt 60 ] && hush 0; do n=$((n + 1)); nap; done
  while [ $n -gt 0 ] && [ $n -lt 200 ] && hush KILL; do n=$((n + 1)); nap; done
}
keep() { # Whoever makes the directory runs the command, so that nobody does a second time.
  held='' torn=''; trap 'torn=1' TERM; trap '' HUP PIPE INT
  exec </dev/null >/dev/null
  d=$D/$token.d
  myself; recall && mkdir -m 700 "$d" && note "dog $me" || exit 0
  output=$d/output
  if [ "$put" = target ]; then
    output=/tmp/.alertprof-$token/output
    hatched || { printf 'alertprof: no directory could be made in its /tmp\n' >"$d/said"; settled 126; exit 0; }
  fi
  cd "$d" && mkfifo -m 600 words || exit 0
  tail -c 2000 <words >said & # its last words are kept, however much it says
  ear=$!
  exec 4>|words
  trap swept EXIT
  (
    trap - PIPE
    ulimit -f "$most"
    export "ALERTPROF=$token" "PATH=/usr/local/sbin:/usr/local/bin:$PATH"
    "r_$hash" go
  ) >&4 2>&4 4>&- &
  cmd=$!
  exec 4>&-
  rm -f words
  start=0; stat_of "/proc/$cmd/stat"
  j_ran=$cmd:$start; note "ran $j_ran"
  uptime; end=$((now + secs + grace)) n=0
  while lasts "$j_ran"; do
    uptime; n=$((n + 1)); space "$roomy"
    if [ -n "$torn" ] || [ "$now" -ge "$end" ] || { number "$free" 15 && [ "$free" -lt 65536 ]; }; then note fired; break; fi
    if [ $n -lt 20 ]; then nap; else sleep 1 & wait $!; fi
  done
  ended_all
  while lasts "$j_ran"; do ended_all; nap; done
  wait "$cmd"; x=$?
  n=0; while [ $n -lt 20 ] && kill -s 0 "$ear"; do n=$((n + 1)); nap; done
  settled $x
  trap - EXIT
  exit 0
}
lasts() { living "$1" || shut_eyes "${1%%:*}"; }
swept() { # by builtins alone: dash and busybox come here where they can start no process
  trap - EXIT
  note fired
  sweep TERM || return 0
  uptime; n=$((now + 5))
  while sweep 0 && uptime && [ "$now" -lt $n ]; do :; done
  sweep KILL; sweep KILL
}
sweep() { # as hush, and slower
  set +f; set -- "$1" /proc/[0-9]*; set -f
  sig=$1 any=1; shift
  living "$j_ran" && kill -s "$sig" "${j_ran%%:*}" && any=0
  for p; do
    p=${p#/proc/}
    [ "$p" != "${j_ran%%:*}" ] && cd "/proc/$p" && carries && kill -s "$sig" "$p" && any=0
  done
  cd /
  return $any
}
settled() { # [STATUS]: it has ended; notes the file that it left
  [ -z "${1-}" ] || note "exit $1"
  p=$D/$token.d/output
  if [ "$j_place" = target ]; then p=/tmp/.alertprof-$token/output; nested; else cd "$D/$token.d"; fi || { over; return; }
  owner=$(stat -c %u .)
  set -- $(stat -c '%f %d:%i:%u' output) # not of what a link leads to
  case ${1-}${2-} in 8???*:"$owner") keeps output "$2" "$p" ;; esac
  over
}
halted() { # ends it early: INT, at which profilers write what they have; then TERM, then KILL
  lock "$j_pid" "$j_start" || return
  recall; n=0 asked=
  while [ -z "$j_done" ] && { living "$j_dog" || living "$j_ran"; }; do
    uptime
    if [ -z "$j_stop$asked" ]; then asked=$now; note "stop $now"; hush INT; fi
    if [ $((now - ${j_stop:-$asked})) -ge 20 ]; then hush KILL
    elif [ $((now - ${j_stop:-$asked})) -ge 10 ] && [ -z "$j_again" ]; then note "again $now"; hush TERM; fi
    n=$((n + 1)); [ $n -lt 40 ] || { code=open; return; }
    nap; recall
  done
  recall # it may have closed the journal and left between two looks
  [ -n "$j_done" ] || { ended_all; settled; } # the keeper itself was killed
  code=finished
}
under_way() { # how it does; changes nothing
  if [ -n "$j_done" ] || ! { living "$j_dog" || living "$j_ran"; }; then
    recall # its keeper may have closed the journal and left between the two looks
    last_words; files; code=finished; return
  fi
  code=open; say open output
  if [ "$j_place" = target ]; then nested && space "/proc/$j_pid/root/tmp"; else cd "$D/$token.d" && space "$D"; fi || return
  say free "$free"
  set -- $(du -sk .)
  say file "output 0000000000 $((${1:-0} * 1024))"
}
last_words() { # its exit status, and what it said last
  [ -z "$j_exit" ] || say exit "$j_exit"
  IFS=$nl; for l in $(tail -n 10 "$D/$token.d/said" | tr -d '\000'); do IFS=$ws; say error "$l"; done; IFS=$ws
}
# Where the process itself writes: a directory of its user's in its own /tmp. All of the way there may be links of its
# making, and absolute ones lead through our root; so it is looked at from within.
# shellcheck disable=SC3013 # dash, bash and busybox's ash all have -ef
nested() { # go there; are its name, its parent and its grandparent the right ones?
  r=/
  cd "/proc/$j_pid" && stat_of stat && [ "$start" = "$j_start" ] && r=/proc/$j_pid/root
  cd "$r/tmp/.alertprof-$token" && [ .. -ef "$r/tmp" ] && [ ../.. -ef "$r" ] || return 1
  case $(readlink /proc/self/cwd) in */".alertprof-$token") ;; *) return 1 ;; esac
  mount_of . && up=$mount && mount_of .. && [ "$up" = "$mount" ] || return 1
  [ -z "$j_nest" ] || [ "$j_nest" = "$(stat -c '%d:%i' .)" ]
}
mount_of() { # DIRECTORY -> mount
  mount=; { while read -r k v; do case $k in mnt_id:) mount=$v ;; esac; done </proc/self/fdinfo/9; } 9<"$1"
  [ -n "$mount" ]
}
# shellcheck disable=SC3013
hatched() { # make it
  cd "/proc/$pid/root/tmp" && [ .. -ef "/proc/$pid/root" ] && mkdir -m 700 ".alertprof-$token" &&
    nested && [ -O . ] && [ -z "$(ls -A)" ] && note "nest $(stat -c '%d:%i' .)" || return 1
  [ "$user" = "$euid" ] || chown "$euid:$gid" .
}
emptied() { # remove it, one level deep: what is no directory cannot lead anywhere
  [ -n "$j_nest" ] && nested || return 0
  set +f; rm -f ./* ./.[!.]*; set -f
  rmdir "../.alertprof-$token"
}

# ---------------------------------------------------------------- any signal, and the files that come of it
may() { # NUMBER: would it be caught, by somebody who asked for it?
  has "$caught" "$1" || { code=deadly; return 1; }
  ! has "$pending" "$1" || { code=pending; return 1; }
  case $gover$caught in go1.* | fffffff*) ;; *) return 0 ;; esac
  # Go catches all of them, and dies of some that the program did not ask for. Which ones it asked for the mask of its
  # signal thread tells, but for those that Go never blocks: there a function of the program's has to show it.
  listens
  case $1-$mask in *-) ;; 1-* | 3-* | 5-* | 27-*) linked && return 0 ;; *) has "$mask" "$1" || return 0 ;; esac
  code=deaf; return 1
}
linked() { [ -n "$shows" ] && tr '\000' '\n' <exe | grep -aqxF -e "$shows"; }
# shellcheck disable=SC3013
inside() { # is the working directory within the process's own root, whatever links led here?
  d=. n=0
  until [ "$d" -ef "/proc/$pid/root" ]; do
    [ $n -lt 40 ] && ! [ "$d" -ef "$d/.." ] || return 1
    d=$d/.. n=$((n + 1))
  done
}
fits() { # FILE… -> fitting: `DEV:INO OWNER LINKS SIZE MTIME PATH` a line, of those that are regular files; or many: why not
  set -f
  n=$#
  [ $n -le 2000 ] || { many=many; return 0; }
  while [ $n -gt 0 ]; do
    f=$1; shift; n=$((n - 1))
    case $f in *"$nl"*) continue ;; esac
    [ -f "$f" ] && [ ! -h "$f" ] && set -- "$@" "$f"
  done
  [ $# -gt 0 ] || return 0
  fitting=$({ stat -c '%f %d:%i %u %h %s %Y %n' "$@"; echo ".$?"; } | sed -n -e 's/^8... //p' -e '/^\.[01]$/p')
  case $nl$fitting in *"$nl".[01]) fitting=${fitting%.?} ;; *) fitting='' many=blind ;; esac
}
gather() { # -> fresh: `DEV:INO:OWNER SIZE PATH` a line, of what was not there before and is the process's own
  fitting='' fresh='' many='' dir=$j_dir
  cd "/proc/$pid" || return 0
  if [ "$sure" = quiet ]; then grown; return; fi
  "r_$j_recipe" files
  IFS=$nl; for l in $fitting; do IFS=$ws
    set -- $l; path=${l#* * * * * } # ID OWNER LINKS SIZE MTIME PATH
    [ "$3" = 1 ] && [ "$5" -ge "${j_since:-0}" ] || continue
    [ "$2" = "$uid" ] || [ "$2" = "$euid" ] || continue
    case $j_was in *" $1 "*) continue ;; esac
    ( cd "${path%/*}" && inside ) || continue
    fresh="$fresh$1:$2 $4 ${path#root}$nl"
  done; IFS=$ws
}
grown() { # the same of what was added to its standard output
  set -- $j_printed $(stat -L -c '%d:%i:%u %s' fd/1)
  [ $# -eq 4 ] && [ "$1" = "$3" ] && [ "$4" -gt "$2" ] && fresh="$1 $(($4 - $2)) stdout $2 $(($4 - $2))$nl"
}
still() { # is no more being added?
  before=$fresh
  ready && { sleep 0.4 || sleep 1; gather; [ "$fresh" = "$before" ]; }
}
holding() { # -> held_open: the regular files that it has open, as DEV:INO a line
  held_open=$nl
  set +f; set -- fd/*; set -f
  f=; for p; do [ -f "$p" ] && f="$f $p"; done
  [ -n "$f" ] || return 0
  held_open=$nl$(stat -L -c '%d:%i' $f; echo ".$?")
  case $held_open in *"$nl".[01]) ;; *) code=blind; return 1 ;; esac
}
ready() { # are they whole: none empty, none open?
  [ -n "$fresh" ] || return 1
  [ "$sure" = closed ] || return 0
  shut
}
shut() {
  [ -n "$fresh" ] && holding || return 1
  IFS=$nl; for l in $fresh; do IFS=$ws
    set -- $l
    [ "$2" != 0 ] || return 1
    case $held_open in *"$nl${1%:*}$nl"*) return 1 ;; esac
  done; IFS=$ws
}
quieted() { # sends the signal that ends it, once, if there is one; then waits for the files
  lock "$j_pid" "$j_start" || return
  recall
  [ -z "$j_done" ] || { code=finished; return; }
  pin "$j_pid" "$j_start" || { case $code in gone | replaced) over ;; esac; return; }
  want=$j_start
  status || { [ $code != gone ] || over; return; }
  [ -n "$j_sent" ] || { over; code=unconfirmed; return; }
  nature || return
  fresh=''
  recipe "$j_recipe" signal && gather
  set -- $j_signals # FIRST NUMBER LAST NUMBER
  if [ $# -eq 4 ] && [ -z "$j_stop" ] && ! { [ "$1" = "$3" ] && shut; }; then # of a toggle that ended by itself: none
    [ "$1" != "$3" ] || [ -n "$j_took$fresh" ] || { over; code=unconfirmed; return; } # it might begin another
    may "$4" || return
    while recent; do nap; done
    uptime; stopping; mark; send "$3" "$j_image" || return
  elif [ $# -eq 4 ] && [ "$1" != "$3" ] && [ -z "$j_again" ] && uptime && [ $((now - j_stop)) -ge 8 ] && ! ready; then
    may "$4" || return
    note "again $now"; mark; send "$3" "$j_image" || return
  fi
  recipe "$j_recipe" signal || return
  k=0 before=
  while :; do
    gather
    uptime
    if ready; then
      [ "$fresh" != "$before" ] || break # twice the same: they may come one after the other
      before=$fresh
      [ "$sure" != quiet ] || [ "$now" -lt "$j_end" ] || break # of a log there is no end
    fi
    [ -n "$fresh" ] || [ "$now" -lt $((j_end + 60)) ] || { over; code=unconfirmed; return; }
    stat_of stat || { over; code=gone; return; }
    k=$((k + 1)); [ $k -lt 6 ] || { code=open; return; }
    sleep 0.4 || sleep 1
  done
  numbered keeps
  over; code=finished
}
numbered() { # HOW: each of the fresh files is one of the token's
  n=0 how=$1
  IFS=$nl; for l in $fresh; do IFS=$ws
    n=$((n + 1)); [ $n -le 20 ] || continue
    set -- $l
    case $how in keeps) keeps "file$n" "$1" "${l#* * }" ;; *) say file "file$n 0000000000 $2" ;; esac
  done; IFS=$ws
}
awaited() { # how far it is; changes nothing
  [ -z "$j_done" ] || { files; code=finished; return; }
  pin "$j_pid" "$j_start" || return
  status || return
  recipe "$j_recipe" signal || return
  nature || return
  gather
  set -- $j_signals
  code=open
  { [ $# -lt 4 ] || [ -n "$j_stop" ]; } && case $sure in closed) ready ;; quiet) still ;; *) false ;; esac && code=finished
  say open file
  space "root$tmp"; say free "$free"
  numbered said
}

# ---------------------------------------------------------------- verbs
v_look() { # PID: everything about one process; changes nothing
  number "${1-}" 7 && [ "$1" -gt 1 ] || { code=bad; return; }
  pid=$1
  s=; cd "/proc/$pid" && stat_of stat || { code=gone; shut_eyes "$pid" && code=blind; return; }
  status || return
  [ "$tgid" = "$pid" ] || { code=thread; return; }
  nature || return
  listens; scan
  case $unreadable in blind | gone) code=$unreadable; return ;; esac
  say pid "$pid"; say start "$start"; say image "$image"; say state "$state"; say uid "$uid"; say gid "$gid"; say nspid "$ns"
  say comm "$comm"; say tracer "$tracer"; say mode "$mode"
  say versions "$version $gover"
  say caught "$caught"; say pending "$pending"; say mask "$mask"
  say live "$live"; [ -z "$unreadable" ] || say unreadable 1
  [ -z "$build" ] || say build "$build"; [ -z "$conflict" ] || say conflict "$conflict"
  [ -z "$also" ] || say restarter "$also"; askers; [ -z "$asks" ] || say asks "$asks"
  say exe "$exe"; say cmdline "$args"
  while IFS=: read -r _ _ group; do [ "$group" = / ] || say group "$group"; done <cgroup
  space "root$tmp"; say free "$free"
  read -r now _ </proc/uptime; say uptime "$now"
  code=ok
}
seen() { # PID: what is needed to choose among processes
  cd "/proc/$1" && stat_of stat || return 1
  say process "$1 $start $image $parent $ticks $comm"
}
v_see() { # PID: as one line of the list
  number "${1-}" 7 && [ "$1" -gt 1 ] || { code=bad; return; }
  s=; seen "$1" && code=ok || { code=gone; shut_eyes "$1" && code=blind; }
}
v_list() {
  set +f; set -- /proc/[0-9]*; set -f
  for p; do seen "${p#/proc/}"; done
  cd /
  out="$out$(set +f
    ls -ln /proc/[0-9]*/exe | sed -n 's@^.* /proc/\([0-9]*\)/exe -> @exe \1 @p'
    grep -E '^(NSpid|VmRSS):' /proc/[0-9]*/status |
      sed -n -e 's@^/proc/\([0-9]*\)/status:NSpid:.*[^0-9]\([0-9]*\)$@inner \1 \2@p' \
        -e 's@^/proc/\([0-9]*\)/status:VmRSS:[^0-9]*\([0-9]*\) kB$@rss \1 \2@p'
    grep -aHm1 '' /proc/[0-9]*/cmdline | tr '\000' '\002' | sed -n "s@^/proc/\([0-9]*\)/cmdline:\([^$odd]*\).*@called \1 \2@p" | cut -c-1000
    grep '' /proc/[0-9]*/cgroup | sed -n 's@^/proc/\([0-9]*\)/cgroup:[0-9]*:[^:]*:\(/..*\)$@group \1 \2@p' | sort -u
  )$nl"
  code=ok
}
listening() { # PID [PORT, in hex] -> socks: `|INODE…`, places: `ADDRESS:PORT INODE` a line, of its network namespace
  set -- $(grep -hE "^ *[0-9]+: [0-9A-F]+:${2-[0-9A-F]+} [0-9A-F]+:0000 0A " "/proc/$1/net/tcp" "/proc/$1/net/tcp6" | sed -E 's/^ *[0-9]+: ([^ ]+) ([^ ]+ +){7}([0-9]+) .*/\1 \3/')
  while [ $# -ge 2 ]; do socks="$socks|$2" places="$places$1 $2$nl"; shift 2; done
}
addresses() { # PID -> at: what its network namespace is called from outside, IPv6 as 32 digits
  at=$(sed -n -e '/|-- /h' -e '/32 host LOCAL/{g;s/.*|-- //p;}' "/proc/$1/net/fib_trie" | sort -u; cut -d' ' -f1 "/proc/$1/net/if_inet6")
  set -- $at; at=$*
}
v_listen() { # PORT: who listens on this port, here or in another network namespace (then: with its addresses)
  number "${1-}" 5 && [ "$1" -le 65535 ] || { code=bad; return; }
  port=$(printf '%04X' "$1"); socks='' places=''
  here=$(readlink /proc/self/ns/net)
  listening self "$port"
  cd /
  known=" $here "
  for l in $(set +f; ls -ln /proc/[0-9]*/ns/net | sed -n 's@^.* /proc/\([0-9]*\)/ns/net -> @\1/@p'); do
    case $known in *" ${l#*/} "*) continue ;; esac
    known="$known${l#*/} "
    listening "${l%%/*}" "$port"
  done
  code=ok
  [ -n "$socks" ] || return
  set -- $(set +f; ls -ln /proc/[0-9]*/fd/ | sed -nE -e '/^\/proc\/[0-9]+\/fd\/:$/h' -e "/ -> socket:\\[(${socks#|})\\]\$/{g;s/[^0-9]//g;p;}" | sort -u)
  for p; do
    seen "$p"
    l=$(readlink "/proc/$p/exe")
    case $l in *"$nl"*) ;; *) say exe "$p $l" ;; esac
    [ "$(readlink "/proc/$p/ns/net")" = "$here" ] || { addresses "$p"; say at "$p $at"; }
  done
  [ $# -gt 0 ] || say hidden 1
}
v_own() { # the addresses of this host itself
  cd /
  addresses self; say own "$at"
  code=ok
}
v_ports() { # PID: where it listens; its addresses when that is another network namespace
  number "${1-}" 7 && [ "$1" -gt 1 ] || { code=bad; return; }
  socks='' places=''
  cd "/proc/$1" && stat_of stat || { code=gone; return; }
  listening "$1"
  set -- "$1" "|$(ls -ln fd/ | sed -n 's/^.* -> socket:\[\([0-9]*\)\]$/\1/p' | sort -u | tr '\n' '|')"
  IFS=$nl; for l in $places; do IFS=$ws # ADDRESS:PORT INODE
    case $2 in *"|${l#* }|"*) say port "${l% *}" ;; esac
  done; IFS=$ws
  [ "$(readlink ns/net)" = "$(readlink /proc/self/ns/net)" ] || { addresses "$1"; say at "$1 $at"; }
  code=ok
}
spans() { # PID -> spans: where code lies in its memory, `START-LIMIT OFFSET` a line
  spans=$({ sed -nE 's@^([0-9a-f]+-[0-9a-f]+) ..x. ([0-9a-f]+) .*@\1 \2@p' "/proc/$1/maps"; echo ".$?"; } | head -n 4000)
  case $spans in *"$nl.0") spans=${spans%.0} ;; *) spans=; return 1 ;; esac
}
v_code() { # PID: where its code lies, which its own profiles tell as well; and who has code in the very same places
  number "${1-}" 7 && [ "$1" -gt 1 ] || { code=bad; return; }
  cd "/proc/$1" && stat_of stat || { code=gone; return; }
  spans "$1" || { code=blind; return; }
  mine=$spans
  IFS=$nl; for l in $mine; do IFS=$ws; say code "$l"; done; IFS=$ws
  for p in $(set +f; grep -lE "^${mine%% *} ..x. " /proc/[0-9]*/maps); do
    p=${p%/maps} p=${p#/proc/}
    [ "$p" != "$1" ] && spans "$p" && [ "$spans" = "$mine" ] || continue
    nap; spans "$p" && [ "$spans" = "$mine" ] && say twin "$p" # a child on its way to exec has its parent's for a moment
  done
  code=ok
}
v_pods() { # the kubelet's links to the logs of its containers: POD_NAMESPACE_CONTAINER-ID.log -> …/NAMESPACE_POD_UID/…
  out="$out$(set +f; ls -ln /var/log/containers/ | sed -n 's@^l.* \([a-z0-9._-]*\)\.log -> /var/log/pods/\([A-Za-z0-9._-]*\)/.*$@pod \1 \2@p')$nl"
  code=ok
}
v_names() { # what Docker and Podman call their containers: name, image and labels; never their environment
  out="$out$(set +f
    for f in /var/lib/docker/containers/*/config.v2.json; do
      [ -f "$f" ] && [ ! -h "$f" ] || continue
      id=${f%/*}; id=${id##*/}
      sed -n 's/"\(Name\|Image\)":"[^"\\]*"/\
&\
/g;s/"Labels":{[^{}]*}/\
&\
/gp' "$f" | grep -E '^"(Name|Image|Labels)":' | sed "s/^/says $id /"
    done
    sed 's/{"id":"/\
&/g' /var/lib/containers/storage/overlay-containers/containers.json |
      sed -n 's/^{"id":"\([0-9a-f]*\)","names":\["\([A-Za-z0-9_.-]*\)"\].*/says \1 "Name":"\/\2"/p'
  )$nl"
  code=ok
}
v_start() { # PID START IMAGE MODE SECONDS TOKEN
  [ $# -eq 6 ] && number "$5" 5 && hex "$6" || { code=bad; return; }
  case $4 in toggle | timed) ;; *) code=bad; return ;; esac
  want=$2 secs=$5 token=$6 m=$4 i=$3
  pin "$1" "$2" "$i" || return
  lock "$pid" "$want" || return
  replay=
  if recall || { [ -n "$unread" ] && code=blind; }; then
    [ -z "$unread" ] || return
    replay=1
    { [ "$j_pid" = "$pid" ] && [ "$j_start" = "$want" ]; } || { code=replaced; return; }
    case $j_mode in toggle | timed) ;; *) code=bad; return ;; esac
    [ -z "$j_done" ] || { files; code=ended; return; }
    status || return
    nature || return
    confirm
    running || { find_files; scan; } # those that it found may have been opened since
    running && { [ -n "$j_sent" ] || note 'sent 0'; files; code=replayed; return; }
    [ -z "$unreadable" ] || { code=$unreadable; return; }
    [ -z "$j_files" ] || { over; files; code=ended; return; }
    [ -z "$j_sent" ] || { code=unconfirmed; return; } # signalled, and nothing came of it: never again
  fi
  safe && nature || return
  [ "$mode" = "$m" ] || { code=not; return; }
  alone || return
  n=0; stamps pprof # file names have seconds: what is there already must not be written over
  while recent || { [ -n "$there" ] && [ $n -lt 20 ]; }; do
    scan; [ -z "$live" ] || { code=already; return; }
    [ $n -lt 60 ] || { code=recent; return; }
    n=$((n + 1)); nap
  done
  [ $n = 0 ] || safe || return
  scan
  [ -z "$unreadable" ] || { code=$unreadable; return; }
  [ -z "$live" ] || { code=already; return; }
  IFS=$nl; for l in $open; do IFS=$ws; l=${l#* * }; there="$there ${l%% *}"; done; IFS=$ws
  [ -n "$replay" ] || printf 'base%s\nintent %s %s %s %s\n' "$there" "$pid" "$want" "$i" "$m" >|"$D/$token" || { code=journal; return; }
  grace=5; [ "$m" = toggle ] || grace=15
  arm $((secs + grace)) "$m" && pin "$pid" "$want" "$i" || return
  mark
  [ "$m" = toggle ] || note "due $((now + secs + grace))" || { code=journal; return; }
  send USR2 "$i" || return
  note "sent $now"; recall
  confirm
  [ "$m" = timed ] || second $((secs + 15)) >/dev/null &
  if running; then files; code=started; else code=${unreadable:-unconfirmed}; pin "$pid" "$want" "$i"; fi
}
v_run() { # PID START IMAGE RECIPE SECONDS TOKEN: a command of the configuration, once
  [ $# -eq 6 ] && hex "$4" && number "$5" 5 && hex "$6" || { code=bad; return; }
  want=$2 i=$3 hash=$4 secs=$5 token=$6
  pin "$1" "$2" "$i" || return
  lock "$pid" "$want" || return
  replay=
  if known command; then
    [ $code = error ] || return
    [ -z "$j_done" ] || { last_words; files; code=ended; return; }
    [ -z "$j_ran" ] || { code=replayed; return; }
    replay=1
  fi
  recipe "$hash" command && steady && idle || return
  [ -n "$replay" ] ||
    printf 'recipe %s\nplace %s\nintent %s %s %s command\n' "$hash" "$put" "$pid" "$want" "$i" >|"$D/$token" || { code=journal; return; }
  roomy=$D; [ "$put" != target ] || roomy=/proc/$pid/root/tmp
  space "$roomy"; number "$free" 15 || { code=blind; return; }
  most=$(((free - 65536) * 2)); [ $most -gt 0 ] || { code=room; return; }
  [ $most -lt 2097152 ] || most=2097152 # 1 GiB
  mark
  ( keep ) &
  n=0
  until recall && [ -n "$j_ran$j_done" ]; do
    n=$((n + 1)); [ $n -lt 300 ] || { code=unarmed; return; }
    [ $n -lt 200 ] || nap
  done
  code=started
}
v_signal() { # PID START IMAGE RECIPE SECONDS TOKEN: a signal of the configuration, once
  [ $# -eq 6 ] && hex "$4" && number "$5" 5 && hex "$6" || { code=bad; return; }
  want=$2 i=$3 hash=$4 secs=$5 token=$6
  pin "$1" "$2" "$i" || return
  lock "$pid" "$want" || return
  if known signal; then
    [ $code = error ] || return
    [ -z "$j_done" ] || { files; code=ended; return; }
    [ -z "$j_sent" ] || { code=replayed; return; } # noted before the signal: it may have been sent
  fi
  recipe "$hash" signal && steady && nature || return
  may "$no1" && { [ -z "$last" ] || may "$no2"; } && idle || return
  n=0
  while recent; do n=$((n + 1)); [ $n -lt 60 ] || { code=recent; return; }; nap; done
  [ $n = 0 ] || { steady && may "$no1" && idle; } || return
  j_recipe=$hash j_was='' j_dir=$(readlink cwd)
  case $j_dir in *"$nl"* | '' | [!/]*) j_dir=/nowhere ;; esac
  j_printed=; if [ "$sure" = quiet ]; then
    [ -f fd/1 ] && j_printed=$(stat -L -c '%d:%i:%u %s' fd/1)
    [ -n "$j_printed" ] || { code=stdout; return; }
  fi
  gather
  [ -z "$many" ] || { code=$many; return; }
  held_open=; [ "$first" != "$last" ] || holding || return
  was=; IFS=$nl; for l in $fitting; do IFS=$ws
    was="$was ${l%% *}"
    case $held_open in *"$nl${l%% *}$nl"*) code=already ;; esac
  done; IFS=$ws
  [ $code != already ] || return # a toggle's signal would end what somebody else began, and ours begin another
  printf 'recipe %s\nsince %s\nwas%s\ndir %s\nprinted %s\nsignals %s %s %s %s\nintent %s %s %s signal\n' \
    "$hash" "$(($(date +%s) - 1))" "$was" "$j_dir" "$j_printed" "$first" "$no1" "$last" "$no2" "$pid" "$want" "$i" >|"$D/$token" || { code=journal; return; }
  [ -z "$last" ] || { arm $((secs + 5)) signal && pin "$pid" "$want" "$i"; } || return
  mark
  note "end $((now + secs))" && send "$first" "$i" "sent $now" || { [ $code != error ] || code=journal; over; return; }
  note took
  code=started
}
v_dump() { # TOKEN: SIGUSR1, once, and the goroutine dump that it leaves
  hex "${1-}" || { code=bad; return; }
  token=$1
  recall || { code=${unread:-unknown}; return; }
  case $j_mode in toggle | timed) ;; *) code=bad; return ;; esac
  pin "$j_pid" "$j_start" "$j_image" || return
  want=$j_start
  lock "$pid" "$want" || return
  recall; status && nature || return
  if [ -z "$j_dump" ]; then
    listens; wants1 || { code=deaf; return; }
    case $state in T | t) code=stopped; return ;; esac
    stamps dump; note "dump$there "; recall
    send USR1 "$j_image" || return
  fi
  scan; roost
  n=0
  while [ -z "$j_dumped" ] && [ $n -lt 60 ]; do
    set +f; set -- "$dir"/*-"$ns"-goroutines-??????????.dump; set -f
    for f; do
      [ -f "$f" ] && [ ! -h "$f" ] && [ -s "$f" ] || continue
      stamp=${f%.dump}; stamp=${stamp##*-}
      case $j_dump in *" $stamp "*) continue ;; esac
      case $(ls -ln fd/) in *"${f#root}"*) continue ;; esac # still being written
      id=$(stat -L -c '%d:%i:%u %h' "$f")
      case $id in *":$uid 1" | *":$euid 1") ;; *) continue ;; esac
      note "file goroutines $stamp ${id% 1} ${f#root}"; recall; break
    done
    n=$((n + 1)); [ -n "$j_dumped" ] || nap
  done
  [ -n "$j_dumped" ] && code=ok || code=unconfirmed
}
v_status() { # TOKEN: how it goes; sends nothing
  hex "${1-}" || { code=bad; return; }
  token=$1
  recall || { code=${unread:-unknown}; return; }
  [ -z "$j_fired" ] || say fired 1; [ -z "$j_left" ] || say left 1
  [ -z "$j_dog" ] || { living "$j_dog" && say dog alive || say dog gone; }
  case $j_mode in command) under_way; return ;; signal) awaited; return ;; esac
  if [ -n "$j_done" ]; then files; code=finished; return; fi
  if ! pin "$j_pid" "$j_start" "$j_image"; then files; return; fi
  status || return
  nature || return
  scan
  [ -z "$unreadable" ] || { code=$unreadable; return; }
  if running; then
    roost; space "$dir"; say open "$ours"; say free "$free"; code=open
  elif [ -n "$unreadable" ]; then code=$unreadable
  elif [ -n "$j_files" ]; then code=finished
  else code=unseen; fi
  files
}
v_stop() { # TOKEN
  hex "${1-}" || { code=bad; return; }
  token=$1
  recall || { code=${unread:-unknown}; return; }
  case $j_mode in command) halted ;; signal) quieted ;; *) ended; forsaken ;; esac
  [ -z "$j_fired" ] || say fired 1; [ -z "$j_left" ] || say left 1
  [ -z "$j_stop" ] || say stopped 1
  [ "$j_mode" != command ] || last_words
  files
}
v_fetch() { # TOKEN KIND MAX: `size N`, then exactly N bytes, then the last line. Of what was opened, not of what has that name.
  hex "${1-}" && number "${3-}" 12 || { code=bad; return; }
  token=$1 kind=$2 max=$3
  recall || { code=${unread:-unknown}; return; }
  line=; IFS=$nl; for l in $j_files; do IFS=$ws; case $l in "$kind "*) line=${l#* * } ;; esac; done; IFS=$ws # ID PATH
  [ -n "$line" ] || { code=unknown; return; }
  where "${line#* }" && { true <"$place"; } || { code=vanished; return; }
  exec 3<"$place"
  set -- $(stat -L -c '%d:%i:%u %s' /proc/self/fd/3)
  [ $# -eq 2 ] || { exec 3<&-; code=blind; return; }
  long=${long:-$2}
  [ "$1" = "${line%% *}" ] && [ "$2" -ge $((from + long)) ] || { exec 3<&-; code=vanished; return; }
  [ "$long" -le "$max" ] || { exec 3<&-; say size "$long"; code=big; return; }
  printf 'size %s\n' "$long"
  if [ "$from" = 0 ]; then head -c "$long" <&3; else tail -c +$((from + 1)) <&3 | head -c "$long"; fi
  exec 3<&-
  code=ok
}
v_drop() { # TOKEN: removes the files that this token made, by device, inode and owner, and what the journal no longer needs;
  # tells as vanished what is not where it was, or was asked for and never found: it may lie elsewhere
  hex "${1-}" || { code=bad; return; }
  token=$1
  recall || { code=${unread:-unknown}; return; }
  [ -n "$j_done" ] || { code=open; return; }
  kept=
  IFS=$nl; for l in $j_files; do IFS=$ws
    set -- $l; path=${l#* * * } # KIND STAMP ID PATH
    case $path in /*) ;; *) continue ;; esac # what it printed is not ours to remove
    case $j_gone in *" $3 "*) continue ;; esac
    where "$path" || { say file "$1 $2 vanished"; continue; }
    cd -P "${place%/*}" || continue
    name=${path##*/}
    [ ! -h "./$name" ] || continue
    x=$(stat -L -c '%d:%i:%u' "./$name") && [ "$x" != "$3" ] && { say file "$1 $2 vanished"; continue; }
    [ "$x" = "$3" ] && rm -f "./$name" && { note "gone $3"; say removed "$1"; } || kept=1
  done; IFS=$ws
  [ -z "$kept" ] || { code=blind; return; }
  [ -z "$j_dump" ] || [ -n "$j_dumped" ] || say file 'goroutines 0000000000 vanished'
  [ "$j_place" != target ] || emptied
  cd /
  [ "$j_mode" != command ] || rm -rf "$D/$token.d"
  cd "$D" || return
  set -- $(find . -mindepth 1 -maxdepth 1 -mtime +7) # names of ours: no blanks
  for f; do
    n=${f##*/}; n=${n%%.*}
    hex "$n" && recall "$n" && { living "$j_dog" || living "$j_ran"; } || rm -rf "$f"
  done # a token is remembered for a week: a late replay finds it
  code=ok
}

# ---------------------------------------------------------------- the loop
odd=$(printf '\002') unread='' watchdog='' held='' out='' shows='' open='' token='' want='' pid='' comm='' state='' start='' image='' j_image=''
myself
home || { printf '.0 nohome\n'; exit 1; }
read -r boot </proc/sys/kernel/random/boot_id
case $(kill -l 12) in *USR2) ;; *) printf '.0 machine\n'; exit 1 ;; esac # mips, alpha, sparc
printf 'ready 1 %s %s\n' "$boot" "$user"
while IFS= read -r line; do
  case $line in *[!0-9a-z:\ ]*) exit 2 ;; esac
  [ ${#line} -le 200 ] || exit 2
  set -- $line
  number "${1-}" 9 || exit 2
  seq=$1 verb=${2-} out='' code=error j_after='' j_died=''
  shift; [ $# -eq 0 ] || shift
  case $verb in look | see | list | listen | own | ports | code | pods | names | start | dump | run | signal | status | stop | fetch | drop) "v_$verb" "$@" ;; *) code=verb ;; esac
  case $verb in start | dump | signal | status | stop) harmed ;; esac
  unlock
  printf '%s.%s %s\n' "$out" "$seq" "$code"
  cd /
done
exit 0
}
gate
