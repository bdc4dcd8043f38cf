# Sourced by the other scripts: makes .venv at the project's top if there is none that works, installs the named requirements
# file when it has changed, and puts .venv first on PATH. The pinned hashes are checked. Where there is uv it installs, in a third
# of the time; pip does where there is none or it fails, for pip takes its index from its own settings.
#   source "$root/scripts/venv.sh" requirements.txt
_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
_venv="$_root/.venv"
_requirements="$_root/$1"

_fail() {
    echo "$*" >&2
    exit 1
}

# Where a Python is and which: a .venv that was moved, copied, or left behind by another Python gives another line.
_identity() {
    "$1" -S -c 'import sys; print(sys.executable, "%d.%d" % sys.version_info[:2])' 2>/dev/null
}

_new_enough() {
    "$1" -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

_find_python() {
    if [ -n "${PYTHON:-}" ]; then
        _new_enough "$PYTHON" || _fail "PYTHON=$PYTHON is not Python 3.11 or newer ($("$PYTHON" --version 2>&1 || true))."
        echo "$PYTHON"
        return
    fi
    for _candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if _new_enough "$_candidate"; then
            echo "$_candidate"
            return
        fi
    done
    _fail "Python 3.11 or newer is needed (python3 is: $(python3 --version 2>&1 || true)). Install it, or set PYTHON to it."
}

_make_venv() {
    local python
    python="$(_find_python)" || exit 1
    echo "Making .venv …" >&2
    "$python" -m venv --clear "$_venv" >&2 || {
        rm -rf "$_venv"
        _fail "$python -m venv failed; on Debian or Ubuntu: apt-get install python3-venv."
    }
    _identity "$_venv/bin/python" >"$_venv/made-for"
}

_install() {
    echo "Installing $(basename "$_requirements") (the first time takes a minute) …" >&2
    _install_by_uv || _install_by_pip ||
        _fail "Installing $(basename "$_requirements") failed, for the reason above. Run the same command again once it is mended."
    # The stamp comes last and whole, so an interrupted install is done again.
    cp "$_requirements" "$_stamp.new" && mv "$_stamp.new" "$_stamp"
}

_install_by_uv() {
    command -v uv >/dev/null &&
        uv pip install --quiet --compile-bytecode --python "$_venv/bin/python" --require-hashes -r "$_requirements" >&2
}

_install_by_pip() {
    PIP_USER=0 "$_venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$_requirements" >&2
}

_ready() {
    [ -x "$_venv/bin/python" ] && [ "$(_identity "$_venv/bin/python")" = "$(cat "$_venv/made-for" 2>/dev/null)" ] &&
        cmp -s "$_requirements" "$_stamp"
}

_stamp="$_venv/installed-$(basename "$_requirements")"
if ! _ready; then
    _python="$(_find_python)" || exit 1
    # One at a time: a second script started meanwhile waits here. The lock is on this file and ends with descriptor 9.
    exec 9<"$_root/scripts/venv.sh"
    "$_python" -S -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if ! [ -x "$_venv/bin/python" ] || [ "$(_identity "$_venv/bin/python")" != "$(cat "$_venv/made-for" 2>/dev/null)" ]; then
        _make_venv
    fi
    cmp -s "$_requirements" "$_stamp" || _install
    exec 9<&-
fi
export PATH="$_venv/bin:$PATH"
