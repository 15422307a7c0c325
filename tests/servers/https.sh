#!/bin/bash
# A web server that speaks HTTPS. With TLS=required, only to clients that show a certificate of its authority.
#
# GET anything answers with the method, the path and who the client's certificate says it is, as JSON.
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop TERM; exit; }
[ "$VERB" != install ] || exit 0
certificates
serve python3 "$(dirname "$0")/https.py" "$PORT" "$DIR" "$TLS"
