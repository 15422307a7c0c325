#!/bin/sh
# build.sh OUT: builds the kernel programs and copies the object to OUT.
#
# `cargo xtask ebpf` calls it with OUT = host/intercept/keploy.bpf.o, the file that is committed; CI builds it again and
# compares. It wants bpf-linker on the PATH. The bytes depend on this folder's contents, the pinned compiler and the
# linker, not on where they lie: the line numbers in the object name their files relative to these prefixes.
set -eu
out=$(realpath -m "$1")
here=$(realpath "$(dirname "$0")")
cd "$here"

cargo fetch --quiet --locked # so that the folders below exist
flags="-Clink-arg=--btf --remap-path-prefix=$here=ebpf --remap-path-prefix=$(rustc --print sysroot)=rust"
for packages in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags="$flags --remap-path-prefix=$packages=packages"
done
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/ebpf
flags="$flags --remap-path-prefix=$target=target"

# The BPF target has no prebuilt core: building one is an unstable option of the stable compiler.
# Incremental builds have other bytes.
RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$target RUSTFLAGS=$flags cargo build --quiet --release --locked
cp "$target/bpfel-unknown-none/release/keploy-ebpf" "$out"
