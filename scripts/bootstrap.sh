#!/bin/sh
# Makes .venv exactly as uv.lock says. Needs python3 (3.11 to 3.14) and the package index; uv and pip are fetched when absent.
# Arguments are passed to `uv sync`, for example: scripts/bootstrap.sh --group docs
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
OWN_UV=.venv-uv # a private copy of uv, made only where PATH has none

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; }

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if supported "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "movierec needs Python 3.11, 3.12, 3.13 or 3.14." \
        "Found: python3 is $(version_of python3 || echo absent); no python3.14, python3.13, python3.12 or python3.11 works either." \
        "Install one of them so that it is on PATH, then run make again."
}

# pip, out of the wheel that uv.lock names with its hash: many systems ship python3 without pip and ensurepip.
fetch_pip() {
    "$1" - "$2" <<'PYTHON'
import hashlib, sys, tomllib, urllib.request
from pathlib import Path

packages = tomllib.loads(Path("uv.lock").read_text())["package"]
wheel = next(package for package in packages if package["name"] == "pip")["wheels"][0]
content = urllib.request.urlopen(wheel["url"], timeout=60).read()
if "sha256:" + hashlib.sha256(content).hexdigest() != wheel["hash"]:
    sys.exit(f"{wheel['url']} does not have the hash that uv.lock gives; nothing was installed.")
Path(sys.argv[1]).write_bytes(content)
PYTHON
}

install_uv() {
    mkdir -p "$OWN_UV"
    pip="$OWN_UV/pip.whl"
    if "$1" -m pip --version >/dev/null 2>&1; then
        set -- "$1" -m pip
    else
        fetch_pip "$1" "$pip"
        set -- "$1" "$pip/pip"
    fi
    "$@" install --quiet --disable-pip-version-check --root-user-action=ignore --no-input --target "$OWN_UV" --upgrade "uv==$UV_VERSION" >&2
    rm -f "$pip"
}

find_uv() {
    if uv --version >/dev/null 2>&1; then
        echo uv
        return
    fi
    if [ ! -x "$OWN_UV/bin/uv" ]; then install_uv "$1"; fi
    echo "$OWN_UV/bin/uv"
}

began=$(date +%s)
python=$(find_python)
echo "Setting up .venv with Python $(version_of "$python") from uv.lock ..." >&2
uv=$(find_uv "$python")
[ -t 2 ] || quiet=--quiet # progress bars are for people
# uv leaves commands alone whose path of another place makes them useless.
if [ -e .venv/bin/movierec ] && [ ! -L .venv ] && ! grep -qF "$(pwd -P)/.venv/" .venv/bin/movierec; then
    echo "This clone was moved: .venv is made again. Add groups such as spark again by hand." >&2
    rm -rf .venv
fi
# --inexact: a group that was added by hand (spark, peers) stays.
UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen --inexact --all-extras ${quiet:-} --python "$python" "$@"
touch .venv/.synced
echo "Set up (.venv) in $(($(date +%s) - began)) s." >&2

# implicit's wheels link to the system's OpenMP runtime, which the smallest systems leave out.
.venv/bin/python -c 'import ctypes, sys; sys.platform == "linux" and ctypes.CDLL("libgomp.so.1")' 2>/dev/null ||
    echo "libgomp.so.1 is missing and ALS needs it: apt-get install libgomp1, or dnf install libgomp." >&2
