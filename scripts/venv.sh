# Sourced by the other scripts: makes .venv if there is none, installs the named requirements file when it has changed,
# and puts .venv first on PATH. The pinned hashes are checked by pip.
_requirements="$1"
_python="${PYTHON:-python3}"
if [ ! -x .venv/bin/python ]; then
    "$_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        echo "Python 3.11 or newer is needed; set PYTHON to one (found: $("$_python" --version 2>&1 || echo none))." >&2
        exit 1
    }
    echo "Making .venv …" >&2
    "$_python" -m venv .venv || {
        echo "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv." >&2
        exit 1
    }
fi
_stamp=".venv/installed-$(basename "$_requirements")"
if ! cmp -s "$_requirements" "$_stamp"; then
    echo "Installing $_requirements (the first time takes a minute) …" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$_requirements" >&2
    cp "$_requirements" "$_stamp"
fi
export PATH="$PWD/.venv/bin:$PATH"
