"""The Rust service under tests/targets/pprofrs, with the crates pprof and jemalloc_pprof.

`make matrix` builds it, which takes minutes. The tests run it where it was built.
"""

import os
import shutil
import subprocess

from tests.lab.golang import CACHE, SOURCES, Unavailable

SOURCE = SOURCES / "pprofrs"
TARGET = CACHE / "pprofrs"
BINARY = TARGET / "debug" / "orders"
LONGEST = 3600  # seconds


def built() -> str:
    """The program. Raises Unavailable where nobody has built it."""
    if not BINARY.exists():
        raise Unavailable("the Rust service is not built: `make matrix` does it")
    return str(BINARY)


def build() -> str:
    """The program, compiled unless it is there already. Raises Unavailable without cargo or the crates."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise Unavailable("the Rust service cannot be built: there is no cargo")
    command = [cargo, "build", "--quiet", "--manifest-path", str(SOURCE / "Cargo.toml")]
    env = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    done = subprocess.run(command, env=env, timeout=LONGEST, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"the Rust service cannot be built: {done.stderr.strip().splitlines()[-1]}")
    return built()
