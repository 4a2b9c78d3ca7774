#!/bin/sh
# `make import-test`: real service requests, 10,000 of them, in through the public door; once in peace, once under fire.
#   B=DIR                where the programs are (build): the release build, the file is long
#   KEFU_IMPORT_FILE=F   the file (../shared/data/requests-baltimore.csv)
#   KEFU_SEED=N          repeats the faults of a run
set -eu
cd "$(dirname "$0")/../.."
B=$(cd "${B:-build}" && pwd)
file=${KEFU_IMPORT_FILE:-../shared/data/requests-baltimore.csv}
if [ ! -r "$file" ]; then
    echo "import-test: $file is not there" >&2
    echo "HINT: KEFU_IMPORT_FILE=FILE make import-test (the 311 service requests of the city of Baltimore, CSV)" >&2
    exit 1
fi
file=$(realpath "$file") # the parts work in folders of their own
export B
status=0
tests/import/check.sh "$file" || status=1
/usr/bin/python3 tests/import/test_import.py "$file" || status=1
/usr/bin/python3 tests/fault/import_kills.py "$file" || status=1
[ $status = 0 ] && echo "import-test: passed" || echo "import-test: FAILED"
exit $status
