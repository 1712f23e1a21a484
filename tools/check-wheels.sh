#!/bin/sh
# Ask the package index whether everything that radcommons needs comes ready-made for each system; installs nothing.
set -eu
uv=${1:-uv}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$uv" build --quiet --wheel --out-dir "$made"
for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-apple-darwin aarch64-apple-darwin \
    x86_64-pc-windows-msvc; do
    for version in 3.11 3.12 3.13; do
        "$uv" pip install --quiet --dry-run --only-binary :all: --python-platform "$platform" \
            --python-version "$version" --target "$made/none" "$made"/*.whl
        echo "$platform $version: every wheel is there"
    done
done
