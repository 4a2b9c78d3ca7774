#!/bin/sh
# `make run`: start everything, play the demo day, show what came of it. Everything stays up, unless ONCE=1: then the checker looks
# at all of it, everything is stopped, and the exit status is the checker's.
#   B=DIR       where the programs are (build)          DIR=DIR        where the running system keeps its files (var)
#   ONCE=1      stop afterwards                          BASE_PORT=N    the first port, instead of that of deploy/services.txt
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
DIR=${DIR:-var}
kefu=$B/bin/kefu

# The demo day begins at midnight in Shanghai; the clock starts an hour before.
"$kefu" up --dir "$DIR" ${BASE_PORT:+--base-port "$BASE_PORT"} --test-clock=2026-03-17T15:00:00Z --detach --timeout 120s
stop() { "$kefu" down --dir "$DIR"; }
trap 'stop; exit 130' INT TERM

if ! "$kefu" play deploy/demo/day.yaml --dir "$DIR" --timeout 120s; then
    stop
    exit 1
fi
echo
"$kefu" report --dir "$DIR"

if [ "${ONCE:-0}" = 1 ]; then
    status=0
    echo
    "$kefu" check --dir "$DIR" || status=$?
    stop
    exit "$status"
fi

feed=$(sed -n 's/.*"feed":"\([^"]*\)".*/\1/p' "$DIR/run.json")
cat <<END

All services are up. Their files are in $DIR, their logs in $DIR/log.
  the feed for dashboards   $feed   (ZeroMQ SUB; deploy/examples/dashboard.py is one in 30 lines)
  watch it                  $kefu follow --dir $DIR
  what runs                 $kefu status --dir $DIR
  let time pass             $kefu clock advance 1h --dir $DIR   (it stands still until then)
  stop it                   $kefu down --dir $DIR
END
