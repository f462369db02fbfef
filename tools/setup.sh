#!/usr/bin/env bash
# Make .venv hold exactly what uv.lock pins, with the project itself installed in place.
#
# Needs python3.11 or newer with pip, nothing else: uv comes from the lock too. The system's own Python is
# never written to, so one that is "externally managed" (PEP 668) will do. A repeat that finds nothing to do ends at
# once: the stamp holds a digest of what the environment was made from, and of where it lies.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/copydesk.stamp

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Copydesk needs Python 3.11 or newer; none found (set PYTHON=/path/to/python3)." >&2
    return 1
}

# Debian keeps venv's pip in a package of its own; where that is missing, the outer pip works on the new venv.
make_venv() {
    local python=$1 uv_version=$2
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv --clear "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
    else
        "$python" -m venv --clear --without-pip "$venv"
        "$python" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check "uv==$uv_version"
    fi
}

wanted=$({ pwd; cat pyproject.toml uv.lock tools/setup.sh; } | cksum)
if [ -x "$venv/bin/copydesk" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

uv_version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)
if ! "$venv/bin/uv" --version >/dev/null 2>&1 || ! "$venv/bin/python" -c '' 2>/dev/null; then
    make_venv "$(find_python)" "$uv_version"
fi

# The environment this shell happens to stand in is not the one to fill. The machine's own certificates: behind a company
# proxy they are the only ones that work.
unset VIRTUAL_ENV
UV_PROJECT_ENVIRONMENT=$venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true \
    "$venv/bin/uv" sync --quiet --locked --python "$venv/bin/python"
echo "$wanted" >"$stamp"
echo "Ready: $venv/bin/copydesk"
