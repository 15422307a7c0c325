#!/bin/bash
# RabbitMQ (Debian's), AMQP 0-9-1 without TLS. User t, password pw (or LOGIN and PASSWORD), virtual host /. It says "completed with" on
# standard error when it takes log-ins, which is a little after its port is open.
#
# It lives in a namespace of processes: what it starts besides (epmd, which stays for others) ends with it.
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop KILL; exit; } # its shell minds nothing else; what it started ends with it
SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x $SERVER ] || fail "$SERVER is not there" "cargo xtask setup, or apt-get install rabbitmq-server"
[ "$VERB" != install ] || exit 0

export HOME=$DIR RABBITMQ_NODENAME=t$PORT@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$PORT
export RABBITMQ_DIST_PORT=$(((PORT + 20000) % 64512 + 1024)) ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_MNESIA_BASE=$DIR/mnesia RABBITMQ_LOG_BASE=$DIR/logs RABBITMQ_ENABLED_PLUGINS_FILE=$DIR/plugins
export RABBITMQ_CONFIG_FILE=$DIR/broker.conf RABBITMQ_CONF_ENV_FILE=/dev/null LC_ALL=C.UTF-8
printf 'default_user = %s\ndefault_pass = %s\n' "${LOGIN:-t}" "${PASSWORD:-pw}" >"$DIR/broker.conf"
cd "$DIR"
serve unshare --pid --fork --kill-child --mount-proc $SERVER >&2
