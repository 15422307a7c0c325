# What the database servers' scripts share; not run by itself. Each script is
#
#   NAME.sh install                        downloads what Debian does not install, and makes an empty database to copy from
#   NAME.sh start PORT DIR [OPTION...]     starts it on 127.0.0.1:PORT with its state in DIR, and waits until it listens
#   NAME.sh run PORT DIR [OPTION...]       the same in the foreground: the script's process becomes the server
#   NAME.sh stop DIR                       ends what `start` began
#
# Its options come first in the variables TLS (required, offered, off; default offered) and VERSION.
# DIR/ca.pem is the authority that signed the server's certificate, for localhost, db.test, secure.test and 127.0.0.1, and
# DIR/client.pem (with DIR/client.key), which is for clients that have to show one.
# As root. What is installed is kept in $KEPLOY_DEV_CACHE (default ~/.cache/keploy-dev).
set -euo pipefail
CACHE=${KEPLOY_DEV_CACHE:-$HOME/.cache/keploy-dev}/servers
NAME=$(basename "$0" .sh)
TLS=${TLS:-offered}

fail() { echo "error: $NAME: $1" >&2; echo "hint: ${2:-$(dirname "$0")/lib.sh says how it is called}" >&2; exit 2; }

case ${1:-} in
  install) ;;
  start | run) [ $# -eq 3 ] || fail "$1 takes a port and a folder" ;;
  stop) [ $# -eq 2 ] || fail "stop takes a folder" ;;
  *) fail "no such verb: ${1:-none}" ;;
esac
case $TLS in required | offered | off) ;; *) fail "TLS=$TLS is none of required, offered, off" ;; esac
VERB=$1
PORT=${2:-}
[ "$VERB" != stop ] || PORT=
DIR=${3:-${2:-}}
if [ -n "$DIR" ]; then mkdir -p "$DIR"; DIR=$(cd "$DIR" && pwd); fi

# A copy of the empty database that `install` made, where there is none yet.
copy_template() {
  [ -d "$1" ] || fail "$1 is not there" "cargo xtask setup"
  [ -d "$DIR/data" ] || cp -a "$1" "$DIR/data"
}

# All of them made anew: nothing secret is kept anywhere.
certificates() {
  [ ! -s "$DIR/server.pem" ] || return 0
  local new=(openssl req -config request.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30)
  new+=(-addext subjectKeyIdentifier=hash -addext authorityKeyIdentifier=keyid)
  local signed=(-CA ca.pem -CAkey ca.key -addext basicConstraints=CA:FALSE)
  (
    cd "$DIR"
    printf '[req]\ndistinguished_name = name\n[name]\n' >request.cnf
    "${new[@]}" -subj "/CN=test authority" -keyout ca.key -out ca.pem \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    "${new[@]}" "${signed[@]}" -subj "/CN=localhost" -keyout server.key -out server.pem -addext extendedKeyUsage=serverAuth \
      -addext subjectAltName=DNS:localhost,DNS:db.test,DNS:secure.test,IP:127.0.0.1
    "${new[@]}" "${signed[@]}" -subj "/CN=t" -keyout client.key -out client.pem -addext extendedKeyUsage=clientAuth
    rm ca.key request.cnf
  ) 2>"$DIR/openssl.log" || { cat "$DIR/openssl.log" >&2; exit 1; }
}

# Becomes the server, or starts it and waits for it.
serve() {
  [ "$VERB" = start ] || exec "$@"
  setsid "$@" >"$DIR/log" 2>&1 </dev/null &
  local server=$! left=600
  echo $server >"$DIR/pid"
  until (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
    left=$((left - 1))
    { kill -0 $server 2>/dev/null && [ $left -gt 0 ]; } || { tail -20 "$DIR/log" >&2; fail "it does not listen" "its log is above"; }
    sleep 0.1
  done
  echo "ready $NAME pid=$server addr=127.0.0.1:$PORT"
}

stop() {
  local server
  server=$(cat "$DIR/pid") || fail "$DIR has no server that was started"
  kill "-$1" "$server" 2>/dev/null || true
  while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
  rm "$DIR/pid"
}
