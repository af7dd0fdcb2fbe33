#!/bin/sh
# Starts Redis with the password of a mounted secret, which stands in no command line and in no file of the image. Further
# arguments are lines of configuration.
set -eu
conf=${REDIS_CONF:-/usr/local/etc/redis/redis.conf}
password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
more=$(for line in "$@"; do printf '%s\n' "$line"; done)
exec redis-server - <<CONFIG
include $conf
protected-mode no
requirepass $password
masterauth $password
$more
CONFIG
