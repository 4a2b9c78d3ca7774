#!/bin/sh
# `make debug NAME=routing`: all services, not optimised, in a world of their own (var/debug), and gdb on NAME. The world ends
# with gdb. Leases last ten minutes there, so that a service that stands at a breakpoint stays the owner of its partitions.
#   B=DIR       where the programs are                  GDB_OPTIONS=… of gdb, such as -batch -x FILE
#   BASE_PORT=N the first port (7401)
set -eu
cd "$(dirname "$0")/.."
name=$1
dir=var/debug
kefu=$B/bin/kefu
services=$(deploy/services.sh deployed | paste -sd, -)
case ",$services," in
*,"$name",*) ;;
*) services=$services,$name ;;
esac

mkdir -p "$dir"
"$kefu" up --dir "$dir" --base-port "${BASE_PORT:-7401}" --services "$services" --set lease=10m --detach
trap '"$kefu" down --dir "$dir"' EXIT
pid=$(sed -n "s/.*\"service\":\"$name\",[^}]*\"pid\":\([0-9]*\).*/\1/p" "$dir/run.json")
[ -n "$pid" ] || { echo "debug: there is no service $name in $dir/run.json" >&2; exit 1; }
cat <<END

gdb on kefu-$name, process $pid; c goes on. From another terminal:
  $kefu ask staff.loads --dir $dir      and every other command; logs are in $dir/log
END
trap : INT # ^C is for gdb
gdb -q -p "$pid" -x deploy/debug.gdb ${GDB_OPTIONS:-}
