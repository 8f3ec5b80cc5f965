#!/bin/sh
# Makes what deploy/compose.yaml and compose-replicas.yaml need and is a secret: keys, known_hosts, tokens and passwords, in
# deploy/secrets. What is there already stays. Run it as root, since alertprof wants its key to itself: the container's user 65532 owns it.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
[ -s id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C alertprof -f id_ed25519
[ -s orders_host_key ] || ssh-keygen -q -t ed25519 -N '' -C orders -f orders_host_key
[ -s known_hosts ] || printf 'orders %s\n' "$(cut -d' ' -f1,2 orders_host_key.pub)" >known_hosts
for secret in webhook_token operator_token metrics_token link_key database_password s3_secret; do
    [ -s "$secret" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$secret"
done
chmod 644 ./*_token link_key database_password s3_secret known_hosts ./*.pub
if [ "$(id -u)" = 0 ]; then
    chown 65532:65532 id_ed25519
else
    echo "secrets.sh: as root run: chown 65532:65532 $PWD/id_ed25519" >&2
fi
