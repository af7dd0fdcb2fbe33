#!/bin/sh
# Joins the nodes that are given as host:port to a Cluster of primaries; leaves one alone that is there already.
set -eu
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
export REDISCLI_AUTH
first=$1
if redis-cli -h "${first%:*}" -p "${first##*:}" cluster info | grep -q 'cluster_state:ok'; then
  echo 'the Cluster is there'
  exit 0
fi
nodes=
for node in "$@"; do
  host=${node%:*}
  # Nodes know one another by address, not by name.
  address=$(getent hosts "$host" | awk '{ print $1; exit }')
  nodes="$nodes ${address:-$host}:${node##*:}"
done
# shellcheck disable=SC2086
exec redis-cli --cluster create $nodes --cluster-replicas 0 --cluster-yes
