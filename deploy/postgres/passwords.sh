#!/bin/sh
# Make the passwords of the roles that have none yet; never change one. roles.sh gives them to the roles.
#   passwords.sh FOLDER [SERVICE…]
# FOLDER/<role>_password is for who logs in as that role alone; FOLDER/pgpass, of all roles, for who may be any (libpq's passfile).
set -eu
umask 077

folder=$1
shift
[ $# -gt 0 ] || set -- $("$(dirname "$0")/../services.sh" deployed)

for user in "$@" migrate operator; do
    file=$folder/kefu_${user}_password
    [ -s "$file" ] || { od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n' >"$file.new" && mv "$file.new" "$file"; }
done
for file in "$folder"/kefu_*_password; do
    role=${file##*/}
    echo "*:*:*:${role%_password}:$(cat "$file")"
done >"$folder/pgpass.new"
mv "$folder/pgpass.new" "$folder/pgpass"
