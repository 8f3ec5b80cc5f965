#!/bin/sh
# pprof-rs 0.15.0 (the crate pprof 0.15.0).
#
# A pprof profile usually says which executable it is of: its mappings have the addresses, the file and the build id.
# The protobuf that Report::pprof() of pprof-rs makes has no mapping at all, and its locations have no address: only names
# of functions, files and lines. So nothing in the profile of a Rust service shows which process or build it came from.
#
# Seen: mappings 0, locations with an address 0, locations more than 0
# Exits non-zero when it is otherwise. Needs cargo.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
pprof = { version = "=0.15.0", default-features = false, features = ["prost-codec"] }
TOML
cat >src/main.rs <<'RUST'
use std::time::{Duration, Instant};

fn main() {
    let guard = pprof::ProfilerGuard::new(99).unwrap();
    let (begun, mut n) = (Instant::now(), 0u64);
    while begun.elapsed() < Duration::from_secs(1) {
        n = std::hint::black_box(n + 1);
    }
    let profile = guard.report().build().unwrap().pprof().unwrap();
    let placed = profile.location.iter().filter(|each| each.address != 0).count();
    let some = if profile.location.is_empty() { "none" } else { "more than 0" };
    println!("mappings {}, locations with an address {placed}, locations {some}", profile.mapping.len());
}
RUST
cargo run --quiet | tee seen
echo 'mappings 0, locations with an address 0, locations more than 0' | cmp - seen
