#!/bin/sh
# Fills in a template of deploy/ as deploy/local does, then becomes the container's own program:
#   render.sh TEMPLATE TARGET NAME=VALUE... -- PROGRAM ARGUMENT...
# A name without a value is an error. Values hold no "|".
set -eu
template=$1 target=$2
shift 2
script=
while [ "$1" != -- ]; do
    script="${script}s|\${${1%%=*}}|${1#*=}|g;"
    shift
done
shift
sed "${script}s|[\$][\$]|\$|g" "$template" > "$target"
if grep -q '^[^#]*\${' "$target"; then
    echo "render.sh: $template has names without a value:" >&2
    grep '^[^#]*\${' "$target" >&2
    exit 1
fi
exec "$@"
