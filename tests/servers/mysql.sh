#!/bin/bash
# Oracle MySQL 9, from Debian sid, unpacked beside the system and never installed into it.
#
# Users: t, password "pw" (caching_sha2_password), from anywhere; root, no password, from 127.0.0.1. Database: test.
# DIR/data/public_key.pem is the RSA key that passwords are encrypted with where there is no TLS.
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop TERM; exit; }

TREE=$CACHE/mysql
TEMPLATE=$CACHE/mysql.data
# With the tree's own loader and libraries: those of the system are older.
MYSQLD=("$TREE/usr/lib64/ld-linux-x86-64.so.2" --library-path "$TREE/usr/lib/x86_64-linux-gnu" "$TREE/usr/sbin/mysqld"
  --no-defaults --user=root --basedir="$TREE/usr" --lc-messages-dir="$TREE/usr/share/mysql" --plugin-dir="$TREE/usr/lib/mysql/plugin")

# sid has /usr merged; a mirror's Release file may be past its date.
# shellcheck disable=SC2016
unpack() {
  rm -rf "$TREE.new"
  mmdebstrap --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
    --setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done' \
    --include=mysql-server-core sid "$TREE.new" >"$CACHE/mysql.log" 2>&1 || { tail -20 "$CACHE/mysql.log" >&2; exit 1; }
  mv "$TREE.new" "$TREE"
}

make_template() {
  local new=$TEMPLATE.new
  rm -rf "$new"
  cat >"$CACHE/mysql.sql" <<'SQL'
create user root@'127.0.0.1' identified by '';
grant all on *.* to root@'127.0.0.1' with grant option;
create user t@'%' identified with caching_sha2_password by 'pw';
grant all on *.* to t@'%' with grant option;
create database test;
SQL
  "${MYSQLD[@]}" --datadir="$new" --initialize-insecure --init-file="$CACHE/mysql.sql" >"$CACHE/mysql.log" 2>&1 ||
    { tail -20 "$CACHE/mysql.log" >&2; exit 1; }
  rm -f "$new"/{ca,ca-key,server-cert,server-key,client-cert,client-key}.pem "$new/auto.cnf"
  mv "$new" "$TEMPLATE"
}

if [ "$VERB" = install ]; then
  mkdir -p "$CACHE"
  [ -d "$TREE" ] || unpack
  [ -d "$TEMPLATE" ] || make_template
  exit
fi

copy_template "$TEMPLATE"
certificates
tls=(--ssl-ca="$DIR/ca.pem" --ssl-cert="$DIR/server.pem" --ssl-key="$DIR/server.key")
[ $TLS != required ] || tls+=(--require-secure-transport=ON)
[ $TLS != off ] || tls=(--tls-version= --auto-generate-certs=OFF)
serve "${MYSQLD[@]}" "${tls[@]}" --datadir="$DIR/data" --socket="$DIR/socket" --pid-file="$DIR/mysqld.pid" \
  --bind-address=127.0.0.1 --port="$PORT" --mysqlx=OFF --secure-file-priv= --local-infile=ON --max-connections=500 \
  --innodb-flush-log-at-trx-commit=0 --skip-log-bin
