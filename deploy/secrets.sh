#!/bin/sh
# Makes what deploy/compose.yaml needs and is a secret: keys, known_hosts and tokens, in deploy/secrets. What is there
# already stays. Run it as root, since alertprof wants its key to itself: the container's user 65532 owns it.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
[ -s id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C alertprof -f id_ed25519
[ -s orders_host_key ] || ssh-keygen -q -t ed25519 -N '' -C orders -f orders_host_key
[ -s known_hosts ] || printf 'orders %s\n' "$(cut -d' ' -f1,2 orders_host_key.pub)" >known_hosts
for token in webhook operator metrics; do
    [ -s "${token}_token" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"${token}_token"
done
chmod 644 ./*_token known_hosts ./*.pub
if [ "$(id -u)" = 0 ]; then
    chown 65532:65532 id_ed25519
else
    echo "secrets.sh: as root run: chown 65532:65532 $PWD/id_ed25519" >&2
fi
