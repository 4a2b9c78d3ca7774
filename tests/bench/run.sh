#!/bin/sh
# The measurements; README.md says what they mean. --short (or BENCH=short): small numbers; --only PART,PART: some of them.
set -eu
cd "$(dirname "$0")/../.."
[ "${BENCH:-}" != short ] || set -- --short "$@"
exec /usr/bin/python3 tests/bench/bench.py "$@"
