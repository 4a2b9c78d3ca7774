#!/bin/sh
# Bring all schemas forward, as the role kefu_migrate; what is up to date is left alone. Runs in the image, before the services.
set -eu
for service in $("$(dirname "$0")/../services.sh" deployed); do
    "kefu-$service" --migrate-only
done
