#!/bin/sh
# Install the clients, each at the version that stands in package.json and requirements.txt, into
# .cache/clients at the project's top. Needs node 20 with npm, Python 3.11 and 2 GB of disk.
# Does nothing when all of them are there. PYTHON names another interpreter.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(dirname -- "$(dirname -- "$here")")
place=$top/.cache/clients
stamp=$place/installed

if cat "$here/package-lock.json" "$here/requirements.txt" | cmp -s - "$stamp"; then
    echo "the clients are installed"
    exit 0
fi

mkdir -p "$place"
rm -rf "$place/node_modules" "$stamp"
cp "$here/package.json" "$here/package-lock.json" "$place"
cd "$place"
# WHY: `npm ci` wants the packages of every platform to stand in the lock, and not every registry
# has them all; `install` keeps to the lock, with its hashes, for those that do. Scripts run for the
# two clients alone that put their program in its place by one.
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
npm rebuild --loglevel=error @anthropic-ai/claude-code opencode-ai

UV="${PYTHON:-python3} -m uv"
PYTHONPATH=$top/.cache/tools $UV venv --quiet --allow-existing --python 3.11 "$place/python"
PYTHONPATH=$top/.cache/tools $UV pip install --quiet --python "$place/python/bin/python" \
    --require-hashes --requirement "$here/requirements.txt"
cat "$here/package-lock.json" "$here/requirements.txt" > "$stamp"
