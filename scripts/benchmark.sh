#!/usr/bin/env bash
# Measures the gateway beside its floor, LiteLLM and Portkey, on one core: scripts/benchmark.sh [question…] [--short]
#
# Installs what it needs below var/benchmark (LiteLLM from PyPI, Portkey from npm if there is Node.js); prints tables; writes
# benchmarks/results/<date>.json and docs/images/benchmark-*.svg. --help lists the questions; docs/performance.md explains them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/venv.sh requirements-dev.txt
exec python -m benchmarks "$@"
