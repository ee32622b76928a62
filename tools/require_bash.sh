# Stop with one line if bash is older than 4.4 (macOS ships 3.2). Sourced first, so that this file uses only old syntax.
# shellcheck shell=bash
case "${BASH_VERSION}" in
    [123].* | 4.[0123].*)
        echo "error: bash ${BASH_VERSION} is too old: put bash 4.4 or newer first on PATH (macOS: brew install bash)" >&2
        exit 1
        ;;
esac
