#!/bin/sh
# Follows the official image: POSTGRES_USER, _PASSWORD, _DB, _INITDB_ARGS, _HOST_AUTH_METHOD (and
# _FILE for the first three), PGDATA, and /docker-entrypoint-initdb.d, on an empty data folder only.
set -eu

# from_file NAME: takes $NAME from the file that $NAME_FILE names
from_file() {
  eval "file=\${$1_FILE:-}"
  [ -z "$file" ] || eval "export $1=\$(cat \"\$file\")"
}

make_data_folder() {
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
}

init_database() {
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified (POSTGRES_PASSWORD).' >&2
    exit 1
  fi
  password=$(mktemp)
  printf '%s\n' "${POSTGRES_PASSWORD:-}" >"$password"
  if [ -n "${POSTGRES_PASSWORD:-}" ]; then set -- "--pwfile=$password"; else set --; fi
  eval "initdb --username=\"\$POSTGRES_USER\" \"\$@\" ${POSTGRES_INITDB_ARGS:-}"
  rm "$password"
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

# run_sql DATABASE [OPTION…]
run_sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$@"; }

# shellcheck disable=SC1090 # as in the official image, a script that is not executable is sourced
run_init_files() {
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) run_sql "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | run_sql "$POSTGRES_DB" ;;
    esac
  done
}

# A server that listens on its unix socket only: from outside, nothing is ready before all of it is.
first_start() {
  pg_ctl -w start -o "-c listen_addresses='' -p 5432"
  if [ "$POSTGRES_DB" != postgres ]; then
    echo 'CREATE DATABASE :"name";' | run_sql postgres --set name="$POSTGRES_DB"
  fi
  run_init_files
  pg_ctl -m fast -w stop
}

case "${1:-}" in -*) set -- postgres "$@" ;; esac
[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  make_data_folder
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  from_file POSTGRES_USER
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_DB
  export POSTGRES_USER="${POSTGRES_USER:-postgres}"
  export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
  export PGPASSWORD="${POSTGRES_PASSWORD:-}"
  init_database
  first_start
  unset PGPASSWORD
fi
exec "$@"
