#!/usr/bin/env bash
# Sends one chat request to a running server and prints the answer; exit status 0 only if it is a well-formed completion.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
    cat <<'HELP'
Usage: scripts/test-openai-compatibility.sh [--stream] [--model=M] [--host=H] [--port=P] [--token=T]

The token is --token, else TUMBLER_TOKEN, else the one of the first run (first-run.txt in TUMBLER_DATA_DIR, else in var/).
HOST and PORT say where the server is, unless the options do (127.0.0.1 and 3000).
HELP
}

# The token goes on in the environment: an argument list is for everyone on the machine to read.
token="${TUMBLER_TOKEN:-}"
rest=(-)
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help) usage && exit 0 ;;
    --token=*) token="${1#--token=}" ;;
    --token)
        shift
        token="${1:-}"
        ;;
    *) rest+=("$1") ;;
    esac
    [ $# -gt 0 ] && shift
done
first_run="${TUMBLER_DATA_DIR:-$root/var}/first-run.txt"
if [ -z "$token" ] && [ -r "$first_run" ]; then
    while IFS=': ' read -r name value; do
        [ "$name" = token ] && token="$value"
    done <"$first_run"
fi
export TUMBLER_TOKEN="$token"

python="$root/.venv/bin/python"
[ -x "$python" ] || python=python3
exec "$python" "$root/scripts/one_request.py" "${rest[@]:1}"
