#!/bin/sh
# A private PostgreSQL 15 cluster, for `make run` and the tests.
#   postgres.sh start DIR PORT            create it if new, start it; prints its DSN (superuser postgres)
#   postgres.sh stop DIR [fast|immediate|smart]
#   postgres.sh restart DIR [MODE]
#   postgres.sh status DIR                "running" and 0, or "stopped" and 3
#   postgres.sh where DIR                 the directory really used
# In it: data/, log (the server's), and the unix socket. The superuser is whoever has started it, and known on the socket by that;
# every other role is asked for its password, there and by TCP (127.0.0.1 only). The server refuses to run as root, so root hands it
# to the user postgres; a directory which that user cannot reach, or whose socket path would be too long, is replaced by one that
# will do.
# KEFU_PG_FSYNC=off is for tests: what was committed outlives the server, but not the machine.
set -eu

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { echo "postgres: $*" >&2; exit 1; }

[ $# -ge 2 ] || usage
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
bin=${KEFU_PG_BIN:-/usr/lib/postgresql/15/bin}
[ -x "$bin/pg_ctl" ] || fail "no PostgreSQL 15 in $bin
HINT: deploy/install.sh installs it"

# Run as the user that owns the server, from a directory it can enter.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Never take over a directory that holds something else.
[ -d "$dir/data" ] || [ -z "$(ls -A "$dir")" ] || fail "$dir is neither empty nor a cluster of ours"

# The path of a unix socket must fit into 107 bytes.
fits() { [ ${#1} -le 85 ]; }

usable() {
    fits "$1" && [ -d "$1" ] || return 1
    if [ "$(id -u)" -eq 0 ]; then chown "postgres:$(id -g)" "$1" 2>/dev/null; else [ -O "$1" ]; fi || return 1
    as_owner test -w "$1" -a -x "$1"
}

choose_dir() {
    usable "$dir" && return
    mark=$(printf '%s' "$dir" | cksum | cut -d ' ' -f 1)
    if [ "$(id -u)" -eq 0 ]; then base=/var/lib/postgresql; else base=${TMPDIR:-/tmp}; fi
    other=$base/kefu-$(id -u)-$mark
    mkdir -p -m 700 "$other"
    usable "$other" || fail "neither $dir nor $other can be used by $(as_owner id -un)"
    [ "$verb" != start ] || echo "postgres: $dir is out of the server's reach (or too long a path); using $other" >&2
    dir=$other
}

write_settings() {
    as_owner tee "$dir/data/kefu.conf" >/dev/null <<END
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = '$dir'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
synchronous_commit = on
fsync = ${KEFU_PG_FSYNC:-on}
deadlock_timeout = 100ms
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_error_verbosity = terse # without DETAIL, which quotes rows
END
}

# Who may come in, and as whom: also into a cluster that was made when every local role was trusted.
write_doors() {
    as_owner tee "$dir/data/pg_hba.conf" >/dev/null <<END
local all,replication postgres              peer map=starter
local all,replication all                   scram-sha-256
host  all,replication all      127.0.0.1/32 scram-sha-256
END
    as_owner tee "$dir/data/pg_ident.conf" >/dev/null <<END
starter "$(id -un)" postgres
starter "$(as_owner id -un)" postgres
END
}

create() {
    echo "postgres: creating a cluster in $dir/data" >&2
    sync=
    [ "${KEFU_PG_FSYNC:-on}" = on ] || sync=--no-sync
    as_owner "$bin/initdb" $sync -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 --auth-local=peer \
        --auth-host=scram-sha-256 >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; fail "initdb failed"; }
    echo "include 'kefu.conf'" | as_owner tee -a "$dir/data/postgresql.conf" >/dev/null
}

running() { as_owner "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }
port() { sed -n 's/^port = //p' "$dir/data/kefu.conf"; }

start() {
    if [ "$(id -u)" -eq 0 ]; then as_owner chmod 750 "$dir"; else chmod 700 "$dir"; fi
    [ -f "$dir/data/PG_VERSION" ] || create
    if ! running; then
        write_settings "$1"
        write_doors
        as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -s start </dev/null >&2 || {
            tail -n 20 "$dir/log" >&2
            fail "the server does not start; the end of $dir/log is above"
        }
    elif [ "$(port)" != "$1" ]; then
        fail "it runs already, on port $(port)"
    fi
    echo "host=$dir port=$1 user=postgres dbname=postgres"
}

stop() {
    running || return 0
    # It may end by itself between the look and the word.
    as_owner "$bin/pg_ctl" -D "$dir/data" -m "$1" -w -t 60 -s stop </dev/null >&2 || ! running
}

choose_dir
case $verb in
start) [ $# -eq 3 ] || usage; start "$3" ;;
stop) stop "${3:-fast}" ;;
restart) stop "${3:-fast}"; start "$(port)" ;;
status) if running; then echo running; else echo stopped; exit 3; fi ;;
where) echo "$dir" ;;
*) usage ;;
esac
