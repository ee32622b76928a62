#!/usr/bin/env bash
# Resolve the dependencies for all supported platforms and Python versions, without installing them. Requires uv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v uv >/dev/null || { echo "error: uv is missing; install it: pip install uv" >&2; exit 1; }
# faiss-cpu has no wheels for an older macOS.
export MACOSX_DEPLOYMENT_TARGET=14.0
status=0
for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin; do
    for version in 3.12 3.13; do
        if output="$(uv pip compile setup.py --extra mini --extra paper --extra cluster --extra test \
            --constraint tools/constraints.txt --python-platform "${platform}" --python-version "${version}" \
            --no-header --no-annotate --quiet 2>&1)"; then
            echo "${platform}, Python ${version}: $(wc -l <<<"${output}") packages"
        else
            echo "${platform}, Python ${version}: ${output}"
            status=1
        fi
    done
done
exit "${status}"
