#!/bin/sh
# The oracle against its own figures: the generated file always, the real one when its path is given.
#   tests/import/check.sh [requests-baltimore.csv]
set -eu
cd "$(dirname "$0")"
python=/usr/bin/python3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

$python generate.py >"$scratch/a.csv"
$python generate.py >"$scratch/b.csv"
cmp "$scratch/a.csv" "$scratch/b.csv"
$python oracle.py "$scratch/a.csv" --until "$($python generate.py --until)" --expect 'rows=1500 sla25.with_due=1443 sla25.met=1070
    sla25.breached=293 sla25.none=59 sla25.running=21 sla02.met=1347 sla02.breached=132 sla02.none=14 sla02.running=7'
$python oracle.py "$scratch/a.csv" --until "$($python generate.py --until)" >"$scratch/want.tsv"
$python compare.py "$scratch/want.tsv" "$scratch/want.tsv" >"$scratch/report"
sed '7s/[a-z-]*$/running/' "$scratch/want.tsv" >"$scratch/changed.tsv"
if $python compare.py "$scratch/want.tsv" "$scratch/changed.tsv" >"$scratch/report"; then
    echo "check: compare.py did not see a changed verdict" >&2
    exit 1
fi

[ $# -eq 0 ] || $python oracle.py "$1" --expect 'rows=10000 sla25.with_due=9714 sla25.met=7830 sla25.breached=1715 sla25.breached_late=1567
    sla25.breached_through_exit=60 sla25.breached_open=148 sla25.none=158 sla25.running=11 sla25.met_exactly_at_due=135
    sla02.met=9645 sla02.breached=329 sla02.none=26 sla02.running=0'
echo "oracle: figures as expected"
