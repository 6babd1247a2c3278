#!/bin/sh
# Make .venv and put the package and its locked requirements into it: bootstrap.sh run|dev
# Needs Python 3.11 or later and a package index; writes only .venv and .cache of this folder.
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}
lock=requirements/$what.txt

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    echo "Dari needs Python 3.11 or later; set PYTHON=/path/to/python if it is not on PATH." >&2
    return 1
}

make_venv() {
    "$1" -m venv .venv >.cache/venv.log 2>&1 && return 0
    # Debian and Ubuntu keep venv in a package of its own.
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    if command -v apt-get >/dev/null 2>&1 && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "installing python$version-venv (apt)"
        $as_root apt-get update -qq >>.cache/venv.log 2>&1 || true
        $as_root apt-get install -y -qq --no-install-recommends "python$version-venv" >>.cache/venv.log 2>&1 || true
        rm -rf .venv
        "$1" -m venv .venv >>.cache/venv.log 2>&1 && return 0
    fi
    tail -5 .cache/venv.log >&2
    echo "could not make a virtual environment: on Debian and Ubuntu install python3-venv." >&2
    return 1
}

install_locked() {
    # uv reads neither pip.conf nor a private certificate; where it fails, pip does the same more slowly.
    if .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r "$1"; then return 0; fi
    echo "uv could not; trying pip" >&2
    .venv/bin/python -m pip install -q --require-hashes -r "$1"
}

mkdir -p .cache
export UV_CACHE_DIR="$PWD/.cache/uv" PIP_CACHE_DIR="$PWD/.cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1
export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1

stamp=.venv/.dari-$what
if [ -f "$stamp" ] && cmp -s "$lock" "$stamp"; then exit 0; fi

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    rm -rf .venv
    make_venv "$python"
fi
echo "installing $lock into .venv"
if ! [ -x .venv/bin/uv ]; then
    awk '/^[A-Za-z0-9]/ { take = /^uv==/ } take' requirements/dev.txt >.cache/uv.txt
    .venv/bin/python -m pip install -q --require-hashes -r .cache/uv.txt
fi
install_locked "$lock"
.venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation --offline -e .
cp "$lock" "$stamp"
