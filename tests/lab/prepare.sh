#!/bin/sh
# Makes a machine ready for `make demo` and `make test`: Debian's packages where they are missing, and the project's
# own environment in .venv. Safe to run again, and quick when there is nothing to do.
set -eu

UV=0.13.9
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
POLICY=/usr/sbin/policy-rc.d
MARK='# alertprof: for the length of one apt-get install'

cd "$(dirname "$0")/../.."

tests=${1:-no} # `prepare.sh tests` wants what only they need: a browser, a container runtime, …; `screenshots` fonts, too

say() { printf 'prepare: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

missing() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    have sshd || echo openssh-server
    have ssh || echo openssh-client
    have prometheus || echo prometheus
    have prometheus-alertmanager || echo prometheus-alertmanager
    have busybox || echo busybox
    have shellcheck || echo shellcheck
    [ "$tests" = no ] || missing_for_tests
    [ "$tests" != screenshots ] || missing_for_screenshots
    [ -s "$CERTIFICATES" ] || echo ca-certificates
}

missing_for_tests() {
    have chromium || echo chromium
    have perf || echo linux-perf
    have sudo || echo sudo
    have ip || echo iproute2
    have runc || echo runc
    have node || echo nodejs
    have dropbear || echo dropbear-bin
    have patchelf || echo patchelf
    have strace || echo strace
    have mksh || echo mksh
    have ksh || echo ksh
    ldconfig -p | grep -q libprofiler.so.0 || echo libgoogle-perftools4
}

missing_for_screenshots() {
    have fc-list || echo fontconfig
    [ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || echo fonts-wqy-microhei
    [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || echo fonts-noto-color-emoji
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=400 -o Dpkg::Use-Pty=0 -qq "$@"
}

# Without this, Debian would start its prometheus on :9090 and an sshd on :22 because of us. A policy of somebody
# else's is left as it is.
forbid_services() {
    if [ -e "$POLICY" ] && ! grep -qxF "$MARK" "$POLICY"; then return; fi
    trap 'as_root rm -f "$POLICY"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

# Not after the next boot either.
disable_services() {
    have systemctl || return 0
    for package in "$@"; do
        case $package in
            prometheus | prometheus-alertmanager) unit=$package ;;
            openssh-server) unit=ssh ;;
            *) continue ;;
        esac
        as_root systemctl disable "$unit" >/dev/null 2>&1 || say "could not disable $unit.service: please look"
    done
}

install_packages() {
    have apt-get || die "missing, and this is no Debian: please install $* (Debian's names) and try again"
    [ "$(id -u)" = 0 ] || have sudo || die "missing: $*. Run it as root, or install sudo"
    say "installing" "$@"
    forbid_services
    apt -s install --no-install-recommends "$@" >/dev/null 2>&1 || apt update >&2
    said=$(apt -y install --no-install-recommends "$@" 2>&1) || die "apt-get failed: $said"
    disable_services "$@"
}

check_python() {
    have python3 || die "python3 is missing: please install Python 3.11 or later"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$(python3 --version) is too old: Python 3.11 or later has to be the first python3 in PATH"
}

# uv lives beside the project's environment, not in it: `uv sync` removes whatever the lock file does not name. Both
# pip and uv would trust certificates of their own, and so fail behind a proxy that only this machine trusts.
sync_environment() {
    export PIP_CERT="${PIP_CERT:-$CERTIFICATES}" UV_SYSTEM_CERTS=1
    if [ "$(.cache/uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$UV" ]; then
        python3 -m venv --clear .cache/uv
        .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV"
    fi
    [ -w "${HOME:-/nonexistent}" ] || export UV_CACHE_DIR="$PWD/.cache/uv-cache"
    export UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never
    .cache/uv/bin/uv sync --frozen --quiet
}

check_python
packages=$(missing)
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086 # a list of package names
    install_packages $packages
    packages=$(missing)
    [ -z "$packages" ] || die "still missing after the installation:" $packages
fi
sync_environment
