#!/bin/sh
# `make new NAME=parking`: a service of that name, with one command, one event, one query, its tables and its test.
# It is listed for tests only (deploy/services.txt); `make lint` says what else a deployed one needs.
set -eu
cd "$(dirname "$0")/../.."
name=${1:-}
template=tests/template

fail() { echo "new: $1" >&2; exit 1; }

printf '%s' "$name" | grep -qx '[a-z][a-z]\{2,20\}' || fail "NAME=$name: must be 3 to 21 lower-case letters"
[ ! -e "services/$name" ] && [ ! -e "proto/$name.msg" ] || fail "there is a service $name"

# fill FROM TO: a file of the template under the service's name
fill() {
    capitals=$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')
    sed "s/sample/$name/g; s/SAMPLE/$capitals/g" "$template/$1" >"$2"
}

mkdir -p "services/$name/migrations"
for file in main.c handlers.h on_note.c on_query.c store.c store.h rows.msg README.md; do
    fill "$file" "services/$name/$file"
done
fill migrations/001_sample.sql "services/$name/migrations/001_$name.sql"
fill sample.msg "proto/$name.msg"
fill sample_service.py "tests/integration/${name}_service.py"
chmod +x "tests/integration/${name}_service.py"
port=$(sed -n 's/^[a-z_]*  *\([0-9]*\)  *[a-z]*$/\1/p' deploy/services.txt | tail -1)
printf '%-13s %d  test\n' "$name" "$((port + 1))" >>deploy/services.txt

cat <<END
new: services/$name, proto/$name.msg, tests/integration/${name}_service.py; a line in deploy/services.txt
  make && tests/run.py $name     build it, and run its test (make test builds what tests need)
  When its messages are as they shall stay: $B/protogen --publish proto/published.txt proto/*.msg
END
