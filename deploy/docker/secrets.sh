#!/bin/sh
# Make the secrets that are missing; never change one. Runs in the image, as root, before everything else.
#   secrets.sh DIR [key …]     first runs `kefu key …` on DIR/keys: docker compose run --rm secrets key new crm --roles publisher
# Every service sees one folder of DIR, its own, as /run/secrets. DIR is closed to all but root on the host; the files belong to the
# user of the image.
#   intake/key                 what personal data are sealed with: KEEP A COPY, without it nobody can read them again
#   postgres/password          the superuser's
#   keys/NAME.secret, clients  who may connect (kefu key); each service gets its own secret and the whole list
#   database/ROLE_password     of the roles; each is copied to where its user looks for it
set -eu
umask 077
dir=$1
shift
owner=10001
services=$("$(dirname "$0")/../services.sh" deployed)

random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# make FILE BYTES: that many, as hexadecimal digits
make() {
    [ -s "$dir/$1" ] || { random "$2" >"$dir/$1.new" && mv "$dir/$1.new" "$dir/$1" && echo "made $1"; }
}

# put FILE: standard input, for the user of the image
put() { cat >"$dir/$1.new" && chown "$owner:$owner" "$dir/$1.new" && chmod 400 "$dir/$1.new" && mv "$dir/$1.new" "$dir/$1"; }

# folder NAME
folder() { mkdir -p "$dir/$1" && chown "$owner:$owner" "$dir/$1" && chmod 500 "$dir/$1"; }

chmod 700 "$dir"
mkdir -p "$dir/database" "$dir/postgres"
chmod 755 "$dir/postgres"
[ -s "$dir/intake/key" ] || [ ! -s "$dir/postgres/password" ] || {
    echo "$dir/intake/key is gone, and personal data are sealed with it: put its copy back" >&2
    exit 1
}
folder intake
make intake/key 32 # first of all: whoever has a password has had a key
chown "$owner:$owner" "$dir/intake/key"
make postgres/password 24
chmod 444 "$dir/postgres/password" # its server may read it as postgres or as root
echo "postgres:*:*:postgres:$(cat "$dir/postgres/password")" >"$dir/database/pgpass"

for user in $services migrate operator; do
    folder "$user"
    make "database/kefu_${user}_password" 24
    put "$user/database_password" <"$dir/database/kefu_${user}_password"
done
echo "postgres:*:*:kefu_operator:$(cat "$dir/database/kefu_operator_password")" | put operator/pgpass

kefu key init --keys "$dir/keys" >/dev/null
[ $# -eq 0 ] || kefu "$@" --keys "$dir/keys"
for user in $services operator; do
    put "$user/$user.secret" <"$dir/keys/$user.secret"
    put "$user/clients" <"$dir/keys/clients"
done
