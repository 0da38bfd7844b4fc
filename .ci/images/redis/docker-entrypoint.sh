#!/bin/sh
# Follows the official image: options alone mean redis-server, which runs as the user redis and takes
# connections from other containers (Debian's build refuses those without a password).
set -eu

case "${1:-}" in -* | *.conf) set -- redis-server "$@" ;; esac
[ "${1:-}" = redis-server ] || exec "$@"

case " $* " in *' --protected-mode '*) ;; *) set -- "$@" --protected-mode no ;; esac
if [ "$(id -u)" = 0 ]; then
  find . \! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --init-groups "$@"
fi
exec "$@"
