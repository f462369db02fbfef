#!/usr/bin/env bash
# Make .venv hold exactly what uv.lock pins, with the project itself installed in place.
#
# Needs Python 3.11 or newer with pip, nothing else: uv comes from the lock too. The system's own Python is never
# written to, so one that is "externally managed" (PEP 668) will do. A repeat that finds nothing to do ends at once.
set -euo pipefail
cd -P "$(dirname "$0")/.."

venv=.venv
stamp=$venv/copydesk.stamp

digest() { cat pyproject.toml uv.lock tools/setup.sh | cksum; }

# The scripts of an environment name its absolute path: one that was moved or copied is not usable.
lies_here() {
    "$venv/bin/python" -c '' 2>/dev/null && [ -x "$venv/bin/uv" ] &&
        { [ ! -e "$venv/bin/copydesk" ] || grep -qF "$PWD/$venv/bin/python" "$venv/bin/copydesk"; }
}

is_ready() { [ -x "$venv/bin/copydesk" ] && lies_here && [ "$(cat "$stamp" 2>/dev/null)" = "$(digest)" ]; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Copydesk needs Python 3.11 or newer, and found none. Set PYTHON to one." >&2
    return 1
}

# Debian keeps venv's pip in a package of its own; where that is missing, the outer pip works on the new venv.
make_venv() {
    local python=$1 uv=$2
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv --clear "$venv"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$uv"
    else
        "$python" -m venv --clear --without-pip "$venv"
        "$python" -m pip --python "$venv/bin/python" install -qq --disable-pip-version-check "$uv"
    fi
}

is_ready && exit 0

# Two at once would trip over each other; the second waits and then finds nothing to do.
if command -v flock >/dev/null; then
    exec 9<uv.lock
    flock 9
    is_ready && exit 0
fi

if ! lies_here; then
    python=$(find_python)
    make_venv "$python" "uv==$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)"
fi

# --frozen: take the lock as it stands, whichever index this machine is set to (make check compares it with
# pyproject.toml). The machine's own certificates: behind a company's proxy no others work.
unset VIRTUAL_ENV
UV_PROJECT_ENVIRONMENT=$venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true \
    "$venv/bin/uv" sync --quiet --frozen --python "$venv/bin/python"
digest >"$stamp"
echo "Ready: $venv/bin/copydesk"
