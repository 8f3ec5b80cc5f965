"""Whose function is it: the program's own, or a library's? For charges.py and goroutines.py. Go only.

The compiler notes the file of every function. A file below Go's own sources is of the standard library; one below a
version (`…@v1.2.3/`) or a folder `vendor` is of a dependency. With -trimpath files have no folder before the package's
path. A dependency that go.mod replaces by a folder lies in a module root that the main package is not in.

Where the main module is known, from the build information in the executable, its packages are own and no others.
"""

import posixpath
import re
from collections.abc import Iterable
from typing import Final

DEPENDENCY: Final = re.compile(r"@v\d|/pkg/mod/|(^|/)vendor/|^_cgo|_cgo_gotypes\.go$")
CLOSURE: Final = re.compile(r"(\.(func|gowrap|deferwrap)\d+|\.\d+|-range\d+|-fm|·dwrap·\d+)+$")
INSTANCE: Final = re.compile(r"\[[^\]]*\]")
STANDARD: Final = re.compile(
    r"(archive|arena|bufio|builtin|bytes|cmd|cmp|compress|container|context|crypto|database|debug|embed|encoding|errors|"
    r"expvar|flag|fmt|go|hash|html|image|index|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|"
    r"runtime|simd|slices|sort|strconv|strings|structs|sync|syscall|testing|text|time|type|unicode|unique|unsafe|uuid|"
    r"weak|vendor|gogo|_rt0_\w+)(/|$)"
)  # the paths of the standard library's packages


class Owners:
    """Tells own functions from others. places: (name, file) of the functions there are; module: the path of the main
    module, "" where it is not known."""

    def __init__(self, places: Iterable[tuple[str, str]], module: str = "") -> None:
        self._standard, self._main, self._module = "", "", module
        for name, file in places:
            package = package_of(name)
            end = f"/src/{package}/{posixpath.basename(file)}"
            if not self._standard and STANDARD.match(package) and file.endswith(end):
                self._standard = file.removesuffix(end) + "/src/"
            if not self._main and package == "main" and file.startswith("/"):
                self._main = posixpath.dirname(file)

    def own(self, name: str, file: str) -> bool:
        """Whether the function is of the program itself."""
        if "." not in name or DEPENDENCY.search(file) or "/vendor/" in name:
            return False
        package = package_of(name)
        if self._standard and file.startswith(self._standard):
            return False
        if self._module:
            return package == "main" or f"{package}/".startswith(f"{self._module}/")
        if STANDARD.match(package) and not (self._standard and file.startswith("/")):
            return False
        return not self._elsewhere(package, file)

    def _elsewhere(self, package: str, file: str) -> bool:
        """Whether the package is of a module in whose folder the main package is not."""
        if not self._main or not file.startswith("/") or package == "main":
            return False
        folder, path = posixpath.dirname(file).split("/"), package.split("/")
        common = 0
        while common < min(len(folder), len(path)) and folder[-1 - common] == path[-1 - common]:
            common += 1
        root = "/".join(folder[: len(folder) - common]) + "/"
        return not f"{self._main}/".startswith(root)


def package_of(name: str) -> str:
    """The package's path: `example.com/shop/internal/cart` of `example.com/shop/internal/cart.(*Cart).Add`.

    The compiler escapes dots in the last part of a path (objabi.PathToPrefix in cmd/internal)."""
    head, slash, tail = name.partition("(")[0].partition("[")[0].rpartition("/")
    return head + slash + tail.partition(".")[0].replace("%2e", ".")


def enclosing(name: str) -> str:
    """The function as it is declared: `main.serve` of its closure `main.serve.func1.2`, without type arguments."""
    return CLOSURE.sub("", INSTANCE.sub("", name)) or name


def short(name: str) -> str:
    """A function's name without the folders of its package: `cart.(*Cart).Add`."""
    head = name.partition("(")[0]
    return name[head.rfind("/") + 1 :] if "/" in head else name


def receiver(name: str) -> str:
    """The type that a method belongs to, with its package: `cart.(*Cart)`; "" of a function."""
    found = re.match(r"(.*\.)(\(\*?[^)]+\)|[A-Za-z]\w*)\.\w+$", name)
    if not found:
        return ""
    return found[1] + found[2].strip("(*)") if found[2].startswith("(") else ""
