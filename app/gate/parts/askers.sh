# shellcheck shell=sh
# Who asks for SIGUSR1 and SIGUSR2 in a Go program? Besides go-zero nobody may.
#
# The Go runtime counts for every signal how many channels the program has asked for it with: os/signal's handlers.ref,
# 65 numbers behind a pointer, among the program's variables. Where they lie is found by their shape: zero for each signal
# that the signal thread blocks, and for no signal 0. Where no such thread is found it may be that all are asked for, 0
# too.
#
# Provides:
#   count_askers    after find_signal_thread -> asks: `USR1 USR2`, how many ask for each; empty where it cannot be seen
#   no_other_asker  is nothing but go-zero seen to ask for them? or code: shared
# Sets:
#   asks: see count_askers
#   counts_at: where the counts of this pid lie, or `none MASK`: looked for with that mask, and not found
#   code: shared
# Expects:
#   ws, is_number: setup.sh
#   pid: identity.sh
#   mask: handlers.sh
#   mode, exe, restarter: program.sh

count_askers() {
  asks=''
  [ "$mode" != none ] || return 0
  eval "counts_at=\${counts_$pid-}"
  [ "$counts_at" != "none $mask" ] || return 0 # looked for, with this mask, and not found
  case $counts_at in '' | none*) find_counts; return 0 ;; esac
  # `od -v`: it would fold equal lines.
  counts=$(dd if=mem bs=8 skip=$((counts_at / 8)) count=13 | od -A n -v -t u8)
  set -- $counts
  [ $# -eq 13 ] && is_number "${11}" 3 && is_number "${13}" 3 && asks="${11} ${13}"
  return 0
}

# The counts are zero when a program begins. So they lie behind the variables that its file holds, and before those without
# pointers, of which Go 1.26 has 32 MiB for random numbers alone: a signal need not wait until all of these are read.
find_counts() { # -> asks; remembers where the counts lie
  find_variables
  found=
  [ -z "$mask" ] || search_variables "$zeros_from" $((zeros_from + 1048576))
  [ -n "$found" ] || search_variables "$variables_from" "$variables_to"
  set -- $found
  if [ $# -eq 3 ] && is_number "$1" 10; then
    eval "counts_$pid=$((searched_from + $1))"
    asks="$2 $3"
  else
    eval "counts_$pid=\"none \$mask\""
  fi
}

# FROM LIMIT -> found: `OFFSET USR1 USR2`, the offset from FROM on. What is far from any small number is left out, and no
# more is remembered than lies beside what is judged: a program may have filled all of its variables. busybox's awk takes a
# leading zero for octal.
search_variables() {
  found='' least=2
  [ -n "$mask" ] || least=40
  [ "$1" -gt 0 ] || return 0
  searched_from=$1
  pages=$((($2 < variables_to ? $2 - $1 : variables_to - $1) / 4096))
  found=$(dd if=mem bs=4096 skip=$(($1 / 4096)) count=$pages | od -A d -t u8 |
    grep -E -A 40 -B 40 ' [1-9][0-9]{0,2}( |$)' | awk -v mask="${mask:-0000000000000000}" -v least=$least '
    function put(at, number) { # a number that is not zero, by its address
      if (number == "" || number == "0") return
      n++; p[n] = at; x[n] = number + 0
      settle(at)
    }
    function settle(at) { # judges each number that has all of its neighbours by now
      while (i < n && p[i + 1] + 440 <= at) {
        i++
        while (p[old + 1] < p[i] - 96) { old++; delete p[old]; delete x[old] }
        if (x[i] < 1000) judge(p[i] - 80)
      }
    }
    function judge(base,   j, map, all, two) { # is number i the count of SIGUSR1 of a table at base?
      for (j = i; j > old && p[j] > base - 16; j--)
        if (p[j] == base - 8) map = x[j]
        else if (x[j] > 999 || p[j] == base && least == 2 || p[j] > base && blocked((p[j] - base) / 8)) return
        else all++
      if (map < 65536 || map >= 2 ^ 47 || map % 8) return
      for (j = i; j <= n && p[j] < base + 520; j++)
        if (x[j] > 999 || blocked((p[j] - base) / 8)) return
        else { all++; if (p[j] == base + 96) two = x[j] }
      if (!two || all <= least || wide && all < most) return
      many = wide && all > most ? 1 : many + 1
      most = all; found = base; usr1 = x[i]; usr2 = two
    }
    function blocked(s) {
      d = index("0123456789abcdef", substr(mask, 16 - int((s - 1) / 4), 1)) - 1
      return int(d / 2 ^ ((s - 1) % 4)) % 2
    }
    BEGIN { wide = least > 2 } # then the table is the one that holds most
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
    END { settle(at + 1000); if (many == 1) print found, usr1, usr2 }')
}

# -> variables_from, variables_to: where the program's variables lie, 32 MiB at most; zeros_from: those that begin as zeros
find_variables() {
  variables_from=0 variables_to=0 zeros_from=0 program_path="${exe%' (deleted)'}"
  while IFS= read -r mapping; do
    set -- $mapping
    case ${2-} in rw*) ;; *) [ $variables_from = 0 ] || break; continue ;; esac
    mapped_at=$((0x${1%-*}))
    [ $variables_from = 0 ] || [ $mapped_at = $variables_to ] || break
    if [ "${6-}" = "${program_path%% *}" ] && [ -n "$program_path" ]; then
      [ $variables_from != 0 ] || variables_from=$mapped_at
      zeros_from=$((0x${1#*-} - 4096)) # the file may end within its last page
    elif [ $variables_from = 0 ]; then continue
    elif [ -n "${6-}" ]; then break; fi
    variables_to=$((0x${1#*-}))
  done <maps
  [ $((variables_to - variables_from)) -le 33554432 ] || variables_to=$((variables_from + 33554432))
}

no_other_asker() {
  count_askers
  case $restarter$asks in '' | '1 1') return 0 ;; esac
  code=shared
  return 1
}
