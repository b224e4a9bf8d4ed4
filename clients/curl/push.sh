#!/usr/bin/env bash
# Gives children's records to the agent of this machine with nothing but curl.
#
#     CHILDSYNC_TOKEN_FILE=/var/lib/childsync-agent/http.token ./push.sh children.json
#
# The file is the body of POST /v1/records: up to 100 records; versions may be left out. The agent's answer,
# an outcome for each record, is printed as it comes. The exit status is 0 if every record was taken, 1 if
# some must be corrected, and 2 if the agent could not be asked. Running it again is harmless: what the agent
# holds already is unchanged.
set -euo pipefail

agent=${CHILDSYNC_AGENT:-http://127.0.0.1:7480}
token_file=${CHILDSYNC_TOKEN_FILE:-/var/lib/childsync-agent/http.token}
if [ "$#" -ne 1 ]; then
    printf 'usage: push.sh FILE\n' >&2
    exit 2
fi

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# The token goes by standard input: on the command line every user of the machine could read it. curl waits
# and tries again while nobody listens or the agent is busy (503), as long as Retry-After says.
status=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$token_file")" |
    curl --config - --silent --show-error --retry 8 --retry-connrefused --max-time 60 \
        --header 'Content-Type: application/json' --data-binary "@$1" \
        --output "$answer" --write-out '%{http_code}' "$agent/v1/records") || exit 2
cat "$answer"
printf '\n'

case "$status" in
    200) ;;
    # The answer names the reason, such as AGENT_FULL or TOKEN_REQUIRED, and what to do.
    *) exit 2 ;;
esac
# What is rejected was not kept. What is quarantined is kept, goes to the hub, and waits for a correction.
if grep -Eq '"outcome":"(rejected|quarantined)"' "$answer"; then
    exit 1
fi
