#!/bin/sh
# Installs what only the measurements need (deploy/packages-bench.txt): RabbitMQ, to compare with. Without it the figures that need
# it say so and the others are taken. The package would start a broker of the system's own, now and at every boot: it is kept from it.
set -u
cd "$(dirname "$0")/../.."
dpkg-query -W -f '${db:Status-Abbrev}' rabbitmq-server 2>/dev/null | grep -q '^ii' && new= || new=yes
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo

policy=/usr/sbin/policy-rc.d # asked by packages before they start a service; 101 forbids it
if [ -n "$new" ] && [ ! -e $policy ] && command -v dpkg-query >/dev/null; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null && $as_root chmod 755 $policy
    trap '$as_root rm -f $policy' EXIT
fi
deploy/install.sh deploy/packages-bench.txt || echo "bench: RabbitMQ is not there; the figures beside it will be missing" >&2
if [ -n "$new" ] && [ -e /etc/init.d/rabbitmq-server ]; then
    $as_root update-rc.d rabbitmq-server disable >/dev/null 2>&1
    $as_root systemctl disable epmd.socket epmd.service >/dev/null 2>&1
fi
exit 0
