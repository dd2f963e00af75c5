#!/bin/sh
# Install the clients into .cache/clients at the project's top: agents at the versions of package.json
# and requirements.txt, libraries at those below libraries/. Needs node 20 with npm, Python 3.11 and
# 3 GB of disk. Does nothing when all of them are there. PYTHON names another interpreter.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(dirname -- "$(dirname -- "$here")")
place=$top/.cache/clients
stamp=$place/installed
libraries="current litellm llm"

pinned() {
    cat "$here/package-lock.json" "$here/requirements.txt" "$here/libraries/package-lock.json"
    for name in $libraries; do
        cat "$here/libraries/$name.txt"
    done
}

# WHY: `npm ci` wants the packages of every platform to stand in the lock, and not every registry
# has them all; `install` keeps to the lock, with its hashes, for those that do.
node_tree() {
    mkdir -p "$2"
    rm -rf "$2/node_modules"
    cp "$1/package.json" "$1/package-lock.json" "$2"
    (cd "$2" && npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error)
}

python_tree() {
    PYTHONPATH=$top/.cache/tools $UV venv --quiet --allow-existing --python 3.11 "$2"
    PYTHONPATH=$top/.cache/tools $UV pip install --quiet --python "$2/bin/python" \
        --require-hashes --requirement "$1"
}

if pinned | cmp -s - "$stamp"; then
    echo "the clients are installed"
    exit 0
fi

UV="${PYTHON:-python3} -m uv"
rm -f "$stamp"
# The libraries have a tree of their own, so that no agent's copy of one is taken for it.
node_tree "$here" "$place"
node_tree "$here/libraries" "$place/libraries"
# Scripts run for the two clients alone that put their program in its place by one.
(cd "$place" && npm rebuild --loglevel=error @anthropic-ai/claude-code opencode-ai)
python_tree "$here/requirements.txt" "$place/python"
for name in $libraries; do
    python_tree "$here/libraries/$name.txt" "$place/$name"
done
pinned > "$stamp"
