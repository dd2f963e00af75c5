#!/bin/sh
# Install the test engine (vLLM on the CPU) into .venv-vllm at the project's top.
#
# Needs CPython 3.11 with pip, about 3.5 GB of disk, and a pip that is configured to find
# torch 2.13.0+cpu. Does nothing when the environment is whole. PYTHON names another interpreter.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
environment=$(dirname -- "$(dirname -- "$here")")/.venv-vllm
requirements=$here/requirements-vllm.txt
stamp=$environment/installed-requirements.txt

# Whether this interpreter will do.
fits() {
    "$1" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

if cmp -s "$requirements" "$stamp" && "$environment/bin/python" -c '' 2>/dev/null; then
    echo "the test engine is installed"
    exit 0
fi

python=
for candidate in ${PYTHON:-} python3.11 python3; do
    if fits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "the test engine needs CPython 3.11 with pip: set PYTHON to one" >&2
    exit 1
fi

# WHY: --without-pip, because Debian's python3 comes without ensurepip; --clear, because half an
# environment is worse than none.
"$python" -m venv --clear --without-pip "$environment"
"$python" -m pip --python "$environment/bin/python" --disable-pip-version-check \
    install --quiet --quiet --no-deps --requirement "$requirements"
"$environment/bin/python" -c 'import torch, vllm; print("vllm", vllm.__version__, "torch", torch.__version__)'
cp "$requirements" "$stamp"
