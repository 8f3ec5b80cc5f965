# shellcheck shell=sh
# What program is it, and what does SIGUSR2 mean to it? Remembered for as long as the process runs the same image.
#
# go-zero is known by its function table, which stripping leaves: StartProfile is in all of them, Stopper.Stop-fm in all
# whose recordings stop by themselves (from v1.6.1), and wherever a program's own code takes Stop as a value. So the build
# information has to say the same.
#
# Provides:
#   read_program   everything below; or code: gone or blind
# Sets:
#   mode: none, toggle, timed or conflict
#   tmp: where its files go, as the process names it
#   version, go_version: go-zero's; Go's
#   exe, args: its executable's path; its command line, with \001 between words and \002 for line breaks
#   build: go:ID, gnu:ID or sha256:ID
#   main_module: the path of Go's main module; empty where it has none, or several
#   restarter: a library in it that does something else at the signals
#   known_image: the START and IMAGE that the facts of this pid are remembered for
#   conflict: what its executable says of itself and does not agree
#   code: gone or blind
# Expects:
#   nl, ws, odd, is_number, same_file: setup.sh, loop.sh
#   pid, start, image, gone_or_blind: identity.sh

# What ends or restarts a program at SIGUSR2 or SIGUSR1 unless it is told otherwise.
restarters='github\.com/(jpillora/overseer|facebook(go|archive)/grace/gracehttp|rcrowley/goagain|cupcake/mannersagain|fvbock/endless|gogf/gf(/v2)?/net/ghttp|TarsCloud/TarsGo/tars/util/grace|gravitational/teleport/lib/service)'

read_program() {
  eval "known_image=\${image_$pid-}"
  if [ "$known_image" = "$start $image" ]; then
    eval "mode=\$mode_$pid tmp=\$tmp_$pid version=\$version_$pid go_version=\$go_version_$pid exe=\$exe_$pid"
    eval "args=\$args_$pid build=\$build_$pid restarter=\$restarter_$pid conflict=\$conflict_$pid"
    eval "main_module=\$main_module_$pid"
    return
  fi
  read_executable && judge_executable && read_tmpdir || return
  read_exe
  args=$(tr '\000\n' '\001\002' <cmdline)
  [ ${#args} -le 2000 ] || args=$(head -c 2000 <cmdline | tr '\000\n' '\001\002')
  # Both stand in the names of its profiles, and with a line break in them nobody could tell when these are closed.
  case $tmp in *"$odd"*) mode=none ;; esac
  case $args in *"$odd"*) case ${args%%"$odd"*} in *[[:cntrl:]]*) ;; *) mode=none ;; esac ;; esac
  [ -n "$build" ] || { build=$(sha256sum <exe) && build=sha256:${build%% *}; } || build=
  [ -n "$exe" ] || return 0
  eval "image_$pid='$start $image' mode_$pid=\$mode tmp_$pid=\$tmp version_$pid=\$version go_version_$pid=\$go_version"
  eval "exe_$pid=\$exe args_$pid=\$args build_$pid=\$build restarter_$pid=\$restarter conflict_$pid=\$conflict counts_$pid="
  eval "main_module_$pid=\$main_module"
}

# -> words: what the executable says of itself, a line each. `?0` says that it was read to the end.
# `tr` comes first: busybox's grep ends a line at a NUL. Go's version always stands in the build information, behind its
# length and before anything; elsewhere it is seldom on a line of its own.
read_executable() {
  words=
  { true <exe; } || return 0
  words=$({ tr '\000' '\n' <exe; echo "?$?"; } | grep -aoE -m 9999 \
    -e '^(\?0|[A-Za-z0-9_.~%/-]+/core/proc\.(StartProfile|Stopper\.Stop-fm)|[[:cntrl:]]?go1\.[0-9]+(\.[0-9]+)?[a-z0-9]*)$' \
    -e '^[[:cntrl:]]go1\.[0-9]+(\.[0-9]+)?((rc|beta)[0-9]+)?' -e '^mod	[^	]{1,200}	' \
    -e '^dep	(github\.com/(zeromicro|tal-tech)/go-zero	[0-9A-Za-z.+-]+)?' -e '^=>	[^	]{1,200}	[0-9A-Za-z.+()-]+' \
    -e "^([A-Za-z0-9_.~%/-]+/vendor/)?($restarters)\\." -e '^[A-Za-z0-9_-]{20}(/[A-Za-z0-9_-]{20}){3}$')
  case $nl$words$nl in *"$nl?0$nl"*) ;; *) gone_or_blind; return 1 ;; esac
}

read_exe() { # -> exe: the first mapping's file, where that is it; the link's text otherwise
  exe='' mapping=''
  { IFS= read -r mapping; } <maps
  case $mapping in *\\*) ;; */*) exe=/${mapping#*/} ;; esac
  [ -n "$exe" ] && { same_file exe "root$exe" || same_file exe "$exe"; } || exe=$(readlink exe)
  case $exe in *"$nl"*) exe= ;; esac
}

read_tmpdir() {
  tmp=
  if { true <environ; }; then
    environment=$({ tr '\n\000' '\002\n' <environ; echo "?$?"; })
    case $nl$environment in *"$nl?0") ;; *) gone_or_blind; return 1 ;; esac
    IFS=$nl; for entry in $environment; do IFS=$ws
      case $entry in TMPDIR=*) tmp=${entry#TMPDIR=}; break ;; esac
    done; IFS=$ws
    environment=
  fi
  case $tmp in
  /*) ;;
  '') tmp=/tmp ;;
  *)
    working=$(readlink cwd)
    case $working in *"$nl"* | '') tmp=$odd ;; *) tmp=$working/$tmp ;; esac
    ;;
  esac
}

# words -> mode, version, go_version, build, restarter, conflict
judge_executable() {
  mode=none version='' go_version='' build='' restarter='' conflict='' module='' more_modules='' stoppers=' '
  dependencies='' dependency='' main_module='' more_main=''
  IFS=$nl; for entry in $words; do IFS=$ws
    case $entry in
    'mod	'*) # stands there twice; in a program that has another one's build information within it, also that one's
      entry=${entry#mod	}; entry=${entry%%	*}
      [ "${main_module:-$entry}" = "$entry" ] || more_main=$entry
      main_module=$entry
      ;;
    'dep	github'*) entry=${entry#dep	}; dependency=${entry%%	*}; dependencies="$dependencies$dependency ${entry##*	}$nl" ;;
    'dep	') dependency= ;;
    '=>	'*) # what the dependency before was replaced by
      entry=${entry##*	}
      [ -z "$dependency" ] || [ "$entry" = '(devel)' ] || dependencies="${dependencies%" "*} $entry$nl"
      ;;
    *.StartProfile)
      entry=${entry%/core/proc.*}
      case " $module$more_modules " in
      *" $entry "*) ;;
      *) if [ -z "$module" ]; then module=$entry; else more_modules="$more_modules $entry"; fi ;;
      esac
      ;;
    *.Stop-fm) stoppers="$stoppers${entry%/core/proc.*} " ;;
    github.com/* | */vendor/github.com/*) restarter=${entry%.}; restarter=${restarter##*/vendor/} ;;
    ????????????????????/*/*/*) # the linker's build id, which nobody sets by hand
      entry=go:$entry
      [ "${build:-$entry}" = "$entry" ] || conflict=programs
      build=$entry
      ;;
    *go1.[0-9]*) go_version=go1.${entry#*go1.} ;;
    esac
  done; IFS=$ws
  [ -z "$more_main" ] || main_module=
  case $module in */go-zero) ;; *) conflict=; return 0 ;; esac
  mode=toggle
  case $stoppers in *" $module "*) mode=timed ;; esac
  IFS=$nl; for entry in $dependencies; do IFS=$ws
    [ "${entry% *}" = "${module##*/vendor/}" ] || continue
    entry=${entry##* }
    [ "${version:-$entry}" = "$entry" ] || conflict="versions $version $entry"
    version=$entry
  done; IFS=$ws
  [ -z "$more_modules" ] || conflict="modules $module$more_modules"
  if [ -z "$conflict" ]; then
    mode_of_release "$version"
    [ "${release_mode:-$mode}" = "$mode" ] || conflict="table $mode"
  fi
  [ -z "$conflict" ] || mode=conflict
}

# VERSION -> release_mode: what SIGUSR2 does in that release of go-zero; empty where the version does not tell
mode_of_release() {
  release_mode=
  case $1 in v1.[0-9]*.[0-9]*) ;; *) return 0 ;; esac
  set -- "${1#v1.}"
  set -- "${1%%.*}" "${1#*.}"
  is_number "$1" 4 || return 0
  if [ "$1" -lt 6 ]; then release_mode=toggle
  elif [ "$1" -gt 6 ]; then release_mode=timed
  else case $2 in 0) release_mode=toggle ;; 0-* | 1-*) ;; *) release_mode=timed ;; esac; fi
}
