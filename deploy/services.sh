#!/bin/sh
# What others need of services.txt, the list of the services.
#   services.sh deployed|test     their names
#   services.sh c|h               the table for C (common/net/services.h)
set -eu
list=$(dirname "$0")/services.txt
case $1 in
deployed | test) sed -n "s/^\([a-z_]*\)  *[0-9]*  *$1\$/\1/p" "$list" ;;
c)
    echo '#include "net/services.h"'
    echo
    echo 'const struct service_entry services_list[] = {'
    sed -n 's/^\([a-z_]*\)  *\([0-9]*\)  *deployed$/    {"\1", \2, true},/p
            s/^\([a-z_]*\)  *\([0-9]*\)  *test$/    {"\1", \2, false},/p' "$list"
    echo '};'
    echo 'const size_t services_n = COUNT(services_list);'
    echo '_Static_assert(COUNT(services_list) <= SERVICES_MAX, "deploy/services.txt lists more services than there may be");'
    ;;
h)
    echo "#define SERVICES_FIRST_PORT $(sed -n 's/^[a-z_]*  *\([0-9]*\)  *deployed$/\1/p' "$list" | sed -n 1p)"
    between=
    printf '#define SERVICES_EACH(A, BETWEEN)'
    for service in $("$0" deployed); do
        printf ' %sA("%s")' "$between" "$service"
        between='BETWEEN '
    done
    echo
    ;;
*) exit 2 ;;
esac
