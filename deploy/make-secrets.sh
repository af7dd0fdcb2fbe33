#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet: random, in a folder that nobody else may enter.
set -eu
dir=${1:-$(dirname "$0")/secrets}
mkdir -p "$dir"
chmod 700 "$dir"
for name in redis_password arango_password minio_user minio_password grafana_password; do
  file=$dir/$name
  [ -s "$file" ] && continue
  # The folder keeps others out; containers, whose users differ, may read the file that is mounted to them.
  (umask 022 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file")
  echo "made $file"
done
