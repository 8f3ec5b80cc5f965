# shellcheck shell=sh
# One gate at a time acts on a process. The lock's content is its owner, `PID:START`. The lock of a dead owner is removed
# by one gate alone: whose turn it is. A gate that dies while it is its turn is followed by one other, and so on.
#
# Provides:
#   lock PID START   or code: busy
#   unlock
# Sets:
#   lock_path: the lock without its suffix
#   lock_held: 1 while it is ours
#   code: busy
# Expects:
#   short_sleep: setup.sh
#   is_alive, own_id: identity.sh
#   home: journal.sh
#   in_switch: switch.sh

lock() {
  lock_path=$home/$1-$2 tries=0 empty_looks=0
  until { made=; { made=1; printf '%s\n' "$own_id"; } >"$lock_path.lock"; }; do
    if [ -n "$made" ]; then # a full disk holds no line, but a recording must still end: a link needs no room
      rm -f "$lock_path.lock"
      ln -s "$own_id" "$lock_path.lock" && break
    fi
    free_dead_lock
    # Where nobody can make an entry (read-only, no inode left) the gates are busy, and the dead-man's switch is alone.
    [ -z "$in_switch" ] || [ $tries -lt 20 ] ||
      { ln -s "$own_id" "$lock_path.try.$own_id" && rm -f "$lock_path.try.$own_id"; } ||
      is_alive "$lock_owner" || return 0
    tries=$((tries + 1))
    [ $tries -lt 120 ] || { code=busy; return 1; }
    [ ! -f "$lock_path.lock" ] && [ ! -h "$lock_path.lock" ] || short_sleep
  done
  lock_held=1
}

unlock() {
  [ -z "$lock_held" ] || rm -f "$lock_path.lock"
  lock_held=
}

read_lock_owner() { # -> lock_owner
  lock_owner=
  if [ -h "$lock_path.lock" ]; then lock_owner=$(readlink "$lock_path.lock"); else { read -r lock_owner <"$lock_path.lock"; }; fi
}

free_dead_lock() { # removes the lock if its owner is dead and it is our turn -> lock_owner
  read_lock_owner
  dead_owner=$lock_owner
  if [ -n "$lock_owner" ] || [ ! -f "$lock_path.lock" ]; then empty_looks=0; else empty_looks=$((empty_looks + 1)); fi
  if [ -n "$lock_owner" ]; then ! is_alive "$lock_owner" || dead_owner=
  elif [ $empty_looks -ge 60 ]; then dead_owner=void.$(stat -c %i "$lock_path.lock") # its maker died before the line
  fi
  [ -n "$dead_owner" ] && take_turn "$dead_owner" || return 0
  seen_owner=$lock_owner
  read_lock_owner
  [ "$lock_owner" != "$seen_owner" ] || rm -f "$lock_path.lock"
}

take_turn() { # OWNER: is it ours to remove the lock of this dead owner?
  heir=$1
  until ln -s "$own_id" "$lock_path.turn.$heir"; do
    heir=$(readlink "$lock_path.turn.$heir")
    [ "$heir" != "$own_id" ] || return 0
    [ -n "$heir" ] && ! is_alive "$heir" || return 1
  done
}
