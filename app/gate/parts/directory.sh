# shellcheck shell=sh
# Where the process itself writes for a command: a directory of its user's in its own /tmp. All of the way there may be
# links of its making, and absolute ones lead through our root. So it is looked at from within.
#
# Provides:
#   make_directory     makes it, and goes there
#   enter_directory    goes there: are its name, its parent, its grandparent and its mount the right ones?
#   remove_directory   removes it, one level deep
#   is_inside_root     is the working directory within the process's own root, whatever links led here?
# Sets: nothing
# Expects:
#   same_file: setup.sh
#   pid, start, euid, gid, read_stat: identity.sh
#   user, note, j_pid, j_start, j_nest: journal.sh
#   token: of the verb

enter_directory() {
  root=/
  cd "/proc/$j_pid" && read_stat stat && [ "$start" = "$j_start" ] && root=/proc/$j_pid/root
  cd "$root/tmp/.alertprof-$token" && same_file .. "$root/tmp" && same_file ../.. "$root" || return 1
  case $(readlink /proc/self/cwd) in */".alertprof-$token") ;; *) return 1 ;; esac
  read_mount . && inner_mount=$mount && read_mount .. && [ "$inner_mount" = "$mount" ] || return 1
  [ -z "$j_nest" ] || [ "$j_nest" = "$(stat -c '%d:%i' .)" ]
}

read_mount() { # DIRECTORY -> mount: the number of the mount that it lies in
  mount=
  { while read -r key value; do case $key in mnt_id:) mount=$value ;; esac; done </proc/self/fdinfo/9; } 9<"$1"
  [ -n "$mount" ]
}

make_directory() {
  cd "/proc/$pid/root/tmp" && same_file .. "/proc/$pid/root" && mkdir -m 700 ".alertprof-$token" &&
    enter_directory && [ -O . ] && [ -z "$(ls -A)" ] && note "nest $(stat -c '%d:%i' .)" || return 1
  [ "$user" = "$euid" ] || chown "$euid:$gid" .
}

remove_directory() { # what is no directory cannot lead anywhere
  [ -n "$j_nest" ] && enter_directory || return 0
  set +f; rm -f ./* ./.[!.]*; set -f
  rmdir "../.alertprof-$token"
}

is_inside_root() {
  above=. depth=0
  until same_file "$above" "/proc/$pid/root"; do
    [ $depth -lt 40 ] && ! same_file "$above" "$above/.." || return 1
    above=$above/.. depth=$((depth + 1))
  done
}
