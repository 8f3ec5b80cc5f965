#!/bin/sh
# sshd, then the service, as the account that alertprof logs in to: it may signal that account's processes only.
set -eu
install -d -m 755 /run/sshd
install -m 600 /run/secrets/orders_host_key /etc/ssh/ssh_host_ed25519_key
install -m 644 /run/secrets/id_ed25519.pub /etc/ssh/orders_keys
/usr/sbin/sshd -o HostKey=/etc/ssh/ssh_host_ed25519_key -o AuthorizedKeysFile=/etc/ssh/orders_keys \
    -o PasswordAuthentication=no -o AllowUsers=orders
exec setpriv --reuid=orders --regid=orders --clear-groups env HOME=/home/orders /usr/local/bin/orders
