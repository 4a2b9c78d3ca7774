#!/bin/sh
# The roles of the database: two for each service (roles.sql says what they may), kefu_migrate and kefu_operator.
#   roles.sh DSN [SERVICE…]      may be run again: after an upgrade that brings a service, or when passwords have changed
# DSN is a superuser's, of the database that the services share. A role gets the password in SECRETS/<role>_password (/run/secrets),
# if there is such a file; without one it can only log in where the server asks for none.
set -eu

sql=$(dirname "$0")/roles.sql
secrets=${SECRETS:-/run/secrets}
dsn=$1
shift
[ $# -gt 0 ] || set -- $("$(dirname "$0")/../services.sh" deployed)

run() { psql "$dsn" -qX -v ON_ERROR_STOP=1 "$@"; }

# Passwords go from the files to the server, not through arguments or the log.
set_passwords() {
    echo "SET log_statement = 'none';"
    for role; do
        [ ! -f "$secrets/${role}_password" ] ||
            printf "\\\\set password \`cat '%s'\`\nALTER ROLE %s PASSWORD :'password';\n" "$secrets/${role}_password" "$role"
    done
}

for service; do
    run -v service="$service" -f "$sql"
done
set_passwords $(printf 'kefu_%s ' "$@") kefu_migrate kefu_operator | run
