#!/usr/bin/env bash
# Installs those of the named Debian packages (of packages.txt, where none is named) that are missing, as root or by sudo,
# without starting their own services: the stack runs mosquitto, Prometheus, PostgreSQL and RabbitMQ itself, on the same
# ports.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

wanted=("$@")
[ $# -gt 0 ] || mapfile -t wanted < "$here/packages.txt"

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "no apt-get here, and the native stack needs ${missing[*]}: run 'docker compose up' instead" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root() { "$@"; }
elif command -v sudo >/dev/null; then
  as_root() { sudo "$@"; }
else
  echo "missing packages: as root, run 'apt-get install --no-install-recommends ${missing[*]}'" >&2
  exit 1
fi

# Debian starts a service when its package is installed, unless this script says 101.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  trap 'as_root rm -f "$guard"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
  as_root chmod 755 "$guard"
fi
as_root apt-get update -qq
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"

# The guard holds for now; a service that stays enabled would take the port at the next boot.
if [ -d /run/systemd/system ]; then
  for package in mosquitto prometheus postgresql-15 rabbitmq-server; do
    # Debian's service starts every release of PostgreSQL.
    service=${package/#postgresql-15/postgresql}
    [[ " ${missing[*]} " != *" $package "* ]] || as_root systemctl disable --now "$service"
  done
fi
