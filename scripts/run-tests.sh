#!/usr/bin/env bash
# Makes .venv if needed and runs the whole suite; arguments are pytest's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/venv.sh requirements-dev.txt
exec python -m pytest "$@"
