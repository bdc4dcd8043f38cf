#!/usr/bin/env bash
# Makes .venv if needed and runs the whole suite; arguments are pytest's.
#
# Many tests drive real servers against the clock. On a busy machine one may miss its moment: what failed is therefore run once
# more, alone, and both outcomes are shown. A real defect fails twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/venv.sh requirements-dev.txt
# Hundreds of processes are started: what one of them compiled, the others read.
unset PYTHONDONTWRITEBYTECODE
together=()
if [ "$#" -eq 0 ]; then
    # Many tests wait for clocks and servers more than they compute: four folders at a time keep two cores busy, in the order
    # of tests/conftest.py, for how many tests a folder has says little of its time.
    together=(--numprocesses 4 --no-loadscope-reorder)
fi
status=0
python -m pytest ${together[@]+"${together[@]}"} "$@" || status=$?
if [ "$status" -ne 1 ]; then
    exit "$status"
fi
echo "Some tests failed: those run once more, alone." >&2
exec python -m pytest --last-failed --last-failed-no-failures none "$@"
