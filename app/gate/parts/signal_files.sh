# shellcheck shell=sh
# The files that come of a signal of the configuration: what was not there before and is the process's own.
#
# Provides:
#   fits FILE…         which of them are regular files -> fitting; or many. Called by recipes, under this name
#   gather_files       the files that came of the token's signal -> fresh
#   files_are_ready    after it: are they whole, as the recipe understands it?
#   files_are_closed   after it: is none of them empty, none open?
#   nothing_is_added   after it: is what is printed no longer growing?
#   number_files HOW   each of the fresh files becomes one of the token's (keep), or is told (say)
# Sets:
#   fitting: lines `DEVICE:INODE OWNER LINKS SIZE MTIME PATH`
#   many: why it is not known which there are: many or blind
#   fresh: lines `DEVICE:INODE:OWNER SIZE PATH`
#   dir: the process's working directory when the signal was sent, for recipes
# Expects:
#   nl, ws, say: setup.sh
#   pid, uid, euid: identity.sh
#   held_ids, list_held_ids: open_files.sh
#   j_recipe, j_dir, j_since, j_was, j_printed: journal.sh
#   keep_file: files.sh
#   sure: recipes.sh
#   is_inside_root: directory.sh

fits() {
  set -f
  left=$#
  [ $left -le 2000 ] || { many=many; return 0; }
  while [ $left -gt 0 ]; do
    file=$1
    shift; left=$((left - 1))
    case $file in *"$nl"*) continue ;; esac
    [ -f "$file" ] && [ ! -h "$file" ] && set -- "$@" "$file"
  done
  [ $# -gt 0 ] || return 0
  fitting=$({ stat -c '%f %d:%i %u %h %s %Y %n' "$@"; echo ".$?"; } | sed -n -e 's/^8... //p' -e '/^\.[01]$/p')
  case $nl$fitting in *"$nl".[01]) fitting=${fitting%.?} ;; *) fitting='' many=blind ;; esac
}

gather_files() {
  fitting='' fresh='' many='' dir=$j_dir
  cd "/proc/$pid" || return 0
  if [ "$sure" = quiet ]; then gather_printed; return; fi
  "r_$j_recipe" files
  IFS=$nl; for entry in $fitting; do IFS=$ws
    set -- $entry
    path=${entry#* * * * * }
    [ "$3" = 1 ] && [ "$5" -ge "${j_since:-0}" ] || continue
    [ "$2" = "$uid" ] || [ "$2" = "$euid" ] || continue
    case $j_was in *" $1 "*) continue ;; esac
    ( cd "${path%/*}" && is_inside_root ) || continue
    fresh="$fresh$1:$2 $4 ${path#root}$nl"
  done; IFS=$ws
}

gather_printed() { # what was added to its standard output
  printed=$(stat -L -c '%d:%i:%u %s' fd/1)
  set -- $j_printed $printed
  [ $# -eq 4 ] && [ "$1" = "$3" ] && [ "$4" -gt "$2" ] && fresh="$1 $(($4 - $2)) stdout $2 $(($4 - $2))$nl"
}

nothing_is_added() {
  gathered=$fresh
  files_are_ready && { sleep 0.4 || sleep 1; gather_files; [ "$fresh" = "$gathered" ]; }
}

files_are_ready() {
  [ -n "$fresh" ] || return 1
  [ "$sure" = closed ] || return 0
  files_are_closed
}

files_are_closed() {
  [ -n "$fresh" ] && list_held_ids || return 1
  IFS=$nl; for entry in $fresh; do IFS=$ws
    set -- $entry
    [ "$2" != 0 ] || return 1
    case $held_ids in *"$nl${1%:*}$nl"*) return 1 ;; esac
  done; IFS=$ws
}

number_files() {
  number=0 how=$1
  IFS=$nl; for entry in $fresh; do IFS=$ws
    number=$((number + 1))
    [ $number -le 20 ] || continue
    set -- $entry
    case $how in
    keep) keep_file "file$number" 0000000000 "$1" "${entry#* * }" ;;
    *) say file "file$number 0000000000 $2" ;;
    esac
  done; IFS=$ws
}
