#!/usr/bin/env bash
# Makes .venv if needed, then one process: migrate, bootstrap, serve.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
for argument in "$@"; do
    case "$argument" in
    -h | --help)
        cat <<'HELP'
Usage: scripts/run-openai-compatible-server.sh [--host=H] [--port=P] [--demo] [--open] [--server=daphne|uvicorn] [--workers=N]

Serves the OpenAI API over Gemini on http://127.0.0.1:3000/v1, or where HOST and PORT or the options say.
The first run installs what is needed, makes the database, and shows a token and the admin's password once.

  --host=H, --port=P   where to listen
  --demo               answer from the built-in Gemini simulator even if there are Gemini keys
  --open               accept any API key or none; on this machine only
  --server=S           daphne (default) or uvicorn (faster)
  --workers=N          processes; more than one needs REDIS_URL

Without GEMINI_API_KEY and without contributed keys the simulator answers. docs/operations.md tells the rest.
HELP
        exit 0
        ;;
    esac
done
source "$root/scripts/venv.sh" requirements.txt
exec python "$root/manage.py" serve --prepare "$@"
