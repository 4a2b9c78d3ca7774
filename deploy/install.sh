#!/bin/sh
# install.sh [LIST]: installs the Debian packages of LIST (deploy/packages.txt) that are missing. Asks dpkg every time, so nothing is assumed; when
# all are there it takes a few milliseconds.
set -eu
cd "$(dirname "$0")/.."

wanted=$(sed 's/#.*//' "${1:-deploy/packages.txt}")
if ! command -v dpkg-query >/dev/null; then
    echo "install: this is not Debian; install the like of these yourself:" $wanted >&2
    exit 0
fi

there=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^ii *//p' | sort -u) || true
missing=$(printf '%s\n' $wanted | sort -u | { printf '%s\n' "$there" >"${TMPDIR:-/tmp}/kefu-there.$$"; \
    comm -23 - "${TMPDIR:-/tmp}/kefu-there.$$"; rm -f "${TMPDIR:-/tmp}/kefu-there.$$"; })
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install: missing packages:" $missing >&2
        echo "HINT: as root: apt-get install --no-install-recommends" $missing >&2
        exit 1
    fi
    as_root="sudo"
fi

echo "install:" $missing
# No cluster of the system's own: we start ours (deploy/postgres.sh).
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $as_root mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
$apt update </dev/null
$apt install -y --no-install-recommends -o Dpkg::Options::=--force-confold $missing </dev/null
