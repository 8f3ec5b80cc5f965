# shellcheck shell=sh
# The gate itself: reads requests, one a line: `SEQ VERB NUMBERS…`, of digits, small letters and colons only. It answers
# each with lines `KEY VALUE` and a last line `.SEQ CODE`. No name, path or label ever comes in; what goes out is data.
# Requests that came with the script are its arguments; the others are read.
#
# Provides: nothing
# Sets:
#   odd: the byte that stands for a line break
#   code: how the verb has ended
#   ahead: requests that came with the script, each with a newline
#   out, unread, in_switch, lock_held, shows, open_files, token, wanted_start, pid: nothing yet
#   comm, state, start, image, opened, profile_dir, j_image, j_after, j_died: nothing yet
# Expects:
#   nl, say, is_number: setup.sh
#   read_own_id: identity.sh
#   home, user, find_home: journal.sh
#   unlock: lock.sh
#   report_harm: signals.sh
#   close_opened: file_verbs.sh

odd=$(printf '\002') unread='' in_switch='' lock_held='' shows='' open_files='' token='' wanted_start='' pid=''
comm='' state='' start='' image='' opened='' profile_dir='' j_image=''
read_own_id
find_home || { printf '.0 nohome\n'; exit 1; }
read -r boot </proc/sys/kernel/random/boot_id
case $(kill -l 12) in *USR2) ;; *) printf '.0 machine\n'; exit 1 ;; esac # mips, alpha and sparc have other numbers
printf 'ready 1 %s %s\n' "$boot" "$user"
ahead=
for request; do ahead=$ahead$request$nl; done
while
  case $ahead in
  '') IFS= read -r request ;;
  *) request=${ahead%%"$nl"*} ahead=${ahead#*"$nl"} ;;
  esac
do
  case $request in *[!0-9a-z:\ ]*) exit 2 ;; esac
  [ ${#request} -le 200 ] || case $request in *\ memory\ * | *\ mapped\ *) [ ${#request} -le 1200 ] ;; *) false ;; esac || exit 2
  set -- $request
  is_number "${1-}" 9 || exit 2
  sequence=$1 verb=${2-} out='' code=error profile_dir='' j_after='' j_died=''
  shift; [ $# -eq 0 ] || shift
  [ "$verb" = fetch ] || close_opened
  case $verb in
  look | see | list | listen | own | ports | code | pods | names | start | dump | run | signal | fence | status | stop | fetch | unfetch | drop | \
    scene | around | sample | samples | unsample | log | variables)
    "verb_$verb" "$@"
    ;;
  memory | mapped) if command -v "verb_$verb" >/dev/null; then "verb_$verb" "$@"; else code=verb; fi ;; # not part of every gate
  *) code=verb ;;
  esac
  case $verb in start | dump | signal | status | stop) report_harm ;; esac
  unlock
  printf '%s.%s %s\n' "$out" "$sequence" "$code"
  cd /
done
exit 0
