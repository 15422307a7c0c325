#!/bin/bash
# MongoDB's protocol, by SecantusDB (from PyPI): no registry has MongoDB's own server. It says that it is MongoDB 8.2, the
# only member of the replica set "secantus"; it has transactions and change streams, and knows nothing of compression.
#
# Users, both with the password "pw": t (SCRAM-SHA-256) and o (SCRAM-SHA-1), in the database admin. Nothing is open to others.
# TLS=required, or off (the default: it cannot offer both).
TLS=${TLS:-off}
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop INT; exit; }

VERSION=0.7.0b3
HOME_DIR=$CACHE/secantus-$VERSION
TEMPLATE=$CACHE/mongo.data
SECANTUS=("$HOME_DIR/bin/secantusd-py" --host 127.0.0.1 --log-level ERROR)

download() {
  local new=$HOME_DIR.new
  rm -rf "$new" && python3 -m venv "$new"
  "$new/bin/pip" install --quiet --disable-pip-version-check "SecantusDB==$VERSION" || fail "pip did not install SecantusDB $VERSION"
  # Its scripts name the folder they were installed in.
  sed -i "1s|$new|$HOME_DIR|" "$new"/bin/*
  rm -rf "$HOME_DIR"
  mv "$new" "$HOME_DIR"
}

# Users are made while the door is open.
make_template() {
  local new=$TEMPLATE.new server
  rm -rf "$new"
  "${SECANTUS[@]}" --port 27916 --storage-path "$new" >"$CACHE/mongo.log" 2>&1 &
  server=$!
  until (exec 3<>/dev/tcp/127.0.0.1/27916) 2>/dev/null; do
    kill -0 $server 2>/dev/null || { cat "$CACHE/mongo.log" >&2; fail "it does not start" "its log is above"; }
    sleep 0.1
  done
  "$HOME_DIR/bin/python" - <<'PYTHON'
from pymongo import MongoClient

with MongoClient("mongodb://127.0.0.1:27916/") as client:
    for user, mechanism in [("t", "SCRAM-SHA-256"), ("o", "SCRAM-SHA-1")]:
        client.admin.command("createUser", user, pwd="pw", roles=["root"], mechanisms=[mechanism])
PYTHON
  kill -INT $server
  wait $server || true
  mv "$new" "$TEMPLATE"
}

if [ "$VERB" = install ]; then
  mkdir -p "$CACHE"
  [ -x "$HOME_DIR/bin/secantusd-py" ] || download
  [ -d "$TEMPLATE" ] || make_template
  exit
fi

copy_template "$TEMPLATE"
if [ "$TLS" = required ]; then
  certificates
  SECANTUS+=(--tls-cert-file "$DIR/server.pem" --tls-key-file "$DIR/server.key")
elif [ "$TLS" != off ]; then
  fail "TLS=$TLS" "TLS=required or TLS=off"
fi
cd "$DIR"
serve "${SECANTUS[@]}" --port "$PORT" --storage-path "$DIR/data" --auth
