# shellcheck shell=sh
# The verbs that look at sockets and addresses. They change nothing.
#
# Provides:
#   verb_listen PORT   who listens on this port, here or in another network namespace (then: with its addresses)
#   verb_own           the addresses of this host itself
#   verb_ports PID     where it listens; its addresses when that is another network namespace
# Sets:
#   code: ok, or why not
# Expects:
#   nl, ws, say, is_number: setup.sh
#   read_stat: identity.sh
#   is_pid, say_process: process_verbs.sh

find_listeners() { # PID [PORT, in hex] -> sockets: `|INODE…`, places: `ADDRESS:PORT INODE` a line, of its namespace
  listeners=$(grep -hE "^ *[0-9]+: [0-9A-F]+:${2-[0-9A-F]+} [0-9A-F]+:0000 0A " "/proc/$1/net/tcp" "/proc/$1/net/tcp6" |
    sed -E 's/^ *[0-9]+: ([^ ]+) ([^ ]+ +){7}([0-9]+) .*/\1 \3/')
  set -- $listeners
  while [ $# -ge 2 ]; do
    sockets="$sockets|$2" places="$places$1 $2$nl"
    shift 2
  done
}

find_addresses() { # PID -> addresses: what its network namespace is called from outside, IPv6 as 32 digits
  addresses=$(
    sed -n -e '/|-- /h' -e '/32 host LOCAL/{g;s/.*|-- //p;}' "/proc/$1/net/fib_trie" | sort -u
    cut -d' ' -f1 "/proc/$1/net/if_inet6"
  )
  set -- $addresses
  addresses=$*
}

verb_listen() {
  is_number "${1-}" 5 && [ "$1" -le 65535 ] || { code=bad; return; }
  port=$(printf '%04X' "$1") sockets='' places=''
  own_namespace=$(readlink /proc/self/ns/net)
  find_listeners self "$port"
  cd /
  namespaces=" $own_namespace "
  for namespace in $(set +f; ls -ln /proc/[0-9]*/ns/net | sed -n 's@^.* /proc/\([0-9]*\)/ns/net -> @\1/@p'); do
    case $namespaces in *" ${namespace#*/} "*) continue ;; esac
    namespaces="$namespaces${namespace#*/} "
    find_listeners "${namespace%%/*}" "$port"
  done
  code=ok
  [ -n "$sockets" ] || return
  say_owners
}

say_owners() { # who has the sockets
  owners=$(set +f; ls -ln /proc/[0-9]*/fd/ |
    sed -nE -e '/^\/proc\/[0-9]+\/fd\/:$/h' -e "/ -> socket:\\[(${sockets#"|"})\\]\$/{g;s/[^0-9]//g;p;}" | sort -u)
  [ -n "$owners" ] || say hidden 1
  for process in $owners; do
    say_process "$process"
    link=$(readlink "/proc/$process/exe")
    case $link in *"$nl"*) ;; *) say exe "$process $link" ;; esac
    [ "$(readlink "/proc/$process/ns/net")" = "$own_namespace" ] ||
      { find_addresses "$process"; say at "$process $addresses"; }
  done
}

verb_own() {
  cd /
  find_addresses self; say own "$addresses"
  code=ok
}

verb_ports() {
  is_pid "${1-}" || return
  sockets='' places=''
  cd "/proc/$1" && read_stat stat || { code=gone; return; }
  find_listeners "$1"
  sockets="|$(ls -ln fd/ | sed -n 's/^.* -> socket:\[\([0-9]*\)\]$/\1/p' | sort -u | tr '\n' '|')"
  IFS=$nl; for entry in $places; do IFS=$ws
    case $sockets in *"|${entry#* }|"*) say port "${entry% *}" ;; esac
  done; IFS=$ws
  [ "$(readlink ns/net)" = "$(readlink /proc/self/ns/net)" ] || { find_addresses "$1"; say at "$1 $addresses"; }
  code=ok
}
