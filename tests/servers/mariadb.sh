#!/bin/bash
# MariaDB, Debian's (10.11).
#
# Users, password "pw", from anywhere: t (mysql_native_password), e (ed25519); root, no password, from 127.0.0.1. Database: test.
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop TERM; exit; }

TEMPLATE=$CACHE/mariadb.data
MARIADBD=$(PATH=$PATH:/usr/sbin command -v mariadbd) || fail "mariadbd is not installed" "cargo xtask setup"

make_template() {
  local new=$TEMPLATE.new
  rm -rf "$new"
  mariadb-install-db --no-defaults --user=root --datadir="$new" --skip-test-db --auth-root-authentication-method=normal \
    >"$CACHE/mariadb.log" 2>&1 || { tail -20 "$CACHE/mariadb.log" >&2; exit 1; }
  "$MARIADBD" --no-defaults --user=root --datadir="$new" --bootstrap >"$CACHE/mariadb.log" 2>&1 <<'SQL' ||
use mysql;
install soname 'auth_ed25519';
flush privileges;
create user t@'%' identified by 'pw';
grant all on *.* to t@'%' with grant option;
create user e@'%' identified via ed25519 using password('pw');
grant all on *.* to e@'%';
create database test character set utf8mb4;
SQL
    { tail -20 "$CACHE/mariadb.log" >&2; exit 1; }
  mv "$new" "$TEMPLATE"
}

if [ "$VERB" = install ]; then
  mkdir -p "$CACHE"
  [ -d "$TEMPLATE" ] || make_template
  exit
fi

copy_template "$TEMPLATE"
certificates
tls=(--ssl-ca="$DIR/ca.pem" --ssl-cert="$DIR/server.pem" --ssl-key="$DIR/server.key")
[ $TLS != required ] || tls+=(--require-secure-transport=ON)
[ $TLS != off ] || tls=(--skip-ssl)
serve "$MARIADBD" --no-defaults --user=root "${tls[@]}" --datadir="$DIR/data" --socket="$DIR/socket" --pid-file="$DIR/mariadbd.pid" \
  --bind-address=127.0.0.1 --port="$PORT" --local-infile=ON --max-connections=500 --innodb-flush-log-at-trx-commit=0
