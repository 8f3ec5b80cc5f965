"""docs/architecture.md is the code: its two pictures, and the way of an alert."""

import importlib
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.lab.pages import ROOT, blocks_in, section, text_of

PAGE = "docs/architecture.md"
APP = ROOT / "app"
ENTRY = re.compile(r"^((?:│   )*)[├└]── (.*)$")


def picture(heading: str) -> str:
    (block,) = blocks_in(section(text_of(PAGE), heading), PAGE)
    return block.text


def paths_in(drawn: str) -> list[Path]:
    """The paths of a tree as `tree` draws it, several names of a line too; below app/."""
    paths, folders = [], [Path()]
    for line in drawn.splitlines():
        if not (entry := ENTRY.match(line)):
            continue
        depth = len(entry[1]) // len("│   ")
        name = entry[2].split()[0]
        paths.append(folders[depth] / name)
        folders[depth + 1 :] = [folders[depth] / name]
    return paths


DRAWN = paths_in(picture("## Packages"))
WAY = re.findall(
    r"^\|[^|]*\| `(app\.[\w.]+)` \|", section(text_of(PAGE), "## One alert, from the POST to the file"), re.M
)


def folders_in(folder: Path) -> set[Path]:
    """The folders with files directly below app/FOLDER."""
    inside = (path for path in (APP / folder).iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
    return {path.relative_to(APP) for path in inside if any(file.is_file() for file in path.iterdir())}


def test_the_picture_of_the_packages_is_the_folders_that_exist() -> None:
    assert [path for path in DRAWN if not (APP / path).exists()] == []
    assert sorted(folders_in(Path()) - set(DRAWN)) == [], "every package is in the picture"
    assert sorted(folders_in(Path("web")) - set(DRAWN)) == [], "and every package of web"
    modules = {path.relative_to(APP) for path in APP.glob("*.py") if path.name != "__init__.py"}
    assert {path for path in DRAWN if path.suffix} == modules, "and every module beside the packages"


def test_every_module_that_the_picture_mentions_exists() -> None:
    described = re.findall(r"^(?:│   )*[├└]── (\S+)/ +(.*)$", picture("## Packages"), re.M)
    missing = [
        f"{package}/{module}"
        for package, said in described
        for module in re.findall(r"\b(\w+\.py)\b", said)
        if not list(APP.rglob(f"{package}/{module}"))
    ]
    assert missing == []


def test_the_layers_are_those_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [contract for contract in settings["contracts"] if contract["type"] == "layers"]
    assert picture("## Layers").splitlines() == layers["layers"]
    assert layers["exhaustive"] is True
    assert len(layers["layers"]) <= 10


def named(path: str) -> object:
    """What a dotted path leads to: a module's, or an attribute's of it. Raises ImportError or AttributeError."""
    parts, found = path.split("."), None
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        break
    assert isinstance(found, ModuleType), path
    thing: object = found
    for attribute in parts[length:]:
        thing = getattr(thing, attribute)
    return thing


@pytest.mark.parametrize("name", WAY)
def test_every_function_on_the_way_of_an_alert_exists(name: str) -> None:
    assert callable(named(name))


def test_the_way_of_an_alert_passes_through_every_package_that_a_capture_needs() -> None:
    passed = {name.split(".")[1] for name in WAY}
    assert passed >= {
        "web",
        "intake",
        "ledger",
        "captures",
        "resolvers",
        "profilers",
        "gate",
        "hosts",
        "analysis",
        "stores",
    }


@pytest.mark.parametrize("name", ["app.web.api.webhook.no_such_function", "app.no_such_module.function"])
def test_a_name_that_does_not_exist_is_a_fault(name: str) -> None:
    with pytest.raises(AttributeError):
        named(name)
