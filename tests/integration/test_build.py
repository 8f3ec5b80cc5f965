"""A build carries what the pages show of other projects: pinned, from any npm registry, and offline from an sdist."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hatch_build import VENDOR, BuildRefused, complete, registry
from tests.lab.browser import served

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/"


def tarball(files: dict[str, bytes]) -> bytes:
    """A package as npm packs it, and beside it a link that leads out."""
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("package/dist/link.js")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


PACKED = tarball({"dist/shown.js": b"shown", "dist/../../evil.js": b"evil", "LICENSE": b"free", "README": b"no"})
INTEGRITY = "sha512-" + b64encode(hashlib.sha512(PACKED).digest()).decode()


@pytest.fixture
def asked() -> list[str]:
    """The paths that the registry was asked for."""
    return []


@pytest.fixture
def mirror(asked: list[str]) -> Iterator[str]:
    """A registry with a path of its own, that answers every path with the same package."""

    def package(request: object) -> Response:
        asked.append(request.url.path)  # type: ignore[attr-defined]
        return Response(PACKED)

    with served(Starlette(routes=[Route("/{path:path}", package)])) as url:
        yield f"{url}/npm/"


def locked(root: Path, integrity: str = INTEGRITY, files: str = '"dist/*.js", "LICENSE"') -> Path:
    """A project with one package in its lock; the folder where it will lie."""
    lock = f'["@scope/name"]\nversion = "1.2.3"\nintegrity = "{integrity}"\nfiles = [{files}]\n'
    (root / "npm-lock.toml").write_text(lock)
    return root / VENDOR / "@scope/name"


def test_a_package_is_fetched_once_from_the_registry_that_is_set_and_only_its_named_files_are_kept(
    tmp_path: Path, mirror: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", mirror)
    folder = locked(tmp_path)
    complete(tmp_path)
    complete(tmp_path)
    assert asked == ["/npm/@scope/name/-/name-1.2.3.tgz"]
    assert {file.name for file in folder.iterdir()} == {"shown.js", "evil.js", "LICENSE", "INTEGRITY"}
    assert not list(tmp_path.parent.glob("evil.js"))
    locked(tmp_path, files='"LICENSE"')
    complete(tmp_path)
    assert {file.name for file in folder.iterdir()} == {"LICENSE", "INTEGRITY"}, "the lock has changed"


def test_a_package_that_is_not_the_pinned_one_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", mirror)
    folder = locked(tmp_path, integrity="sha512-AAAA")
    with pytest.raises(BuildRefused, match=r"is not what npm-lock\.toml pins"):
        complete(tmp_path)
    locked(tmp_path, files='"dist/other.js"')
    with pytest.raises(BuildRefused, match="has no file 'dist/other\\.js'"):
        complete(tmp_path)
    assert not folder.exists()


def test_an_npmrc_names_the_registry_and_one_that_is_away_is_said_with_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    (rc := tmp_path / "rc").write_text(f"# mine\nregistry = {NOWHERE}\n")
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(rc))
    assert registry(tmp_path) == NOWHERE
    locked(tmp_path)
    with pytest.raises(BuildRefused, match=r"cannot be fetched: .*; npm_config_registry chooses another"):
        complete(tmp_path)
    monkeypatch.setenv("npm_config_registry", "file:///etc/")
    with pytest.raises(BuildRefused, match="is no address of an npm registry"):
        complete(tmp_path)


def built(kind: str, folder: Path, out: Path, umask: int = 0o022) -> Path:
    """The sdist or wheel that hatchling makes of a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, umask=umask)
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def test_an_sdist_builds_a_wheel_without_a_registry_and_both_carry_what_is_shown_and_its_licences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    sdist = built("sdist", ROOT, tmp_path / "one")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = built("wheel", unpacked, tmp_path / "one")
    assert built("sdist", unpacked, tmp_path / "two", 0o077).read_bytes() == sdist.read_bytes()
    assert built("wheel", ROOT, tmp_path / "two", 0o077).read_bytes() == wheel.read_bytes()
    names = zipfile.ZipFile(wheel).namelist()
    check_bill(zipfile.ZipFile(wheel))
    for package in tomllib.loads((ROOT / "npm-lock.toml").read_text()):
        assert f"{VENDOR}/{package}/LICENSE" in names
    assert f"{VENDOR}/htmx.org/htmx.min.js" in names
    assert [name for name in names if name.startswith(f"{VENDOR}/speedscope/speedscope-") and name.endswith(".js")]


def check_bill(wheel: zipfile.ZipFile) -> None:
    """What the wheel contains of other projects is what its bill of materials says, with the pinned hashes."""
    (name,) = (name for name in wheel.namelist() if "/sboms/" in name)
    assert name.endswith(".dist-info/sboms/alertprof.cdx.json")
    bill = json.loads(wheel.read(name))
    lock = tomllib.loads((ROOT / "npm-lock.toml").read_text())
    assert {(part["name"], part["version"]) for part in bill["components"]} == {
        (name, each["version"]) for name, each in lock.items()
    }
    for part in bill["components"]:
        digest = b64encode(bytes.fromhex(part["hashes"][0]["content"])).decode()
        assert lock[part["name"]]["integrity"] == f"sha512-{digest}"
        (place,) = part["properties"]
        assert [each for each in wheel.namelist() if each.startswith(f"{place['value']}/")]
