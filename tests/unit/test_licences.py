"""The licences of everything that an installation of alertprof brings along, as the packages declare them."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

# Permissive ones, and the LGPL and MPL, which leave programs that import a library as they are.
ALLOWED = re.compile(
    r"(0BSD|MIT|MIT-0|ISC|ISCL|BSD(-[23]-Clause)?|3-Clause BSD|Apache(-2\.0)?( Software)?|PSF-2\.0|"
    r"LGPL-(2\.1|3\.0)(-only)?|LLVM-exception|Mozilla Public)( License)?( \(ISCL\)| 2\.0 \(MPL 2\.0\))?"
)
EXTRAS = ("", "postgres", "notify", "mcp", "otel")


def brought_along(name: str, extras: tuple[str, ...], seen: set[str]) -> Iterator[Distribution]:
    """The distribution and all that it requires, as far as it is installed here."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    yield found
    for requirement in map(Requirement, found.requires or []):
        marker = requirement.marker
        wanted = marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)
        if wanted and requirement.name.lower() not in seen:
            seen.add(requirement.name.lower())
            yield from brought_along(requirement.name, ("", *requirement.extras), seen)


def licences(found: Distribution) -> list[str]:
    """The single licences of what it declares: an SPDX expression, or classifiers, or a name."""

    def values(field: str) -> list[str]:
        return found.metadata.get_all(field) or []

    if expressions := values("License-Expression"):
        return re.split(r" (?:AND|OR|WITH) ", expressions[0])
    told = [each.split(" :: ")[-1] for each in values("Classifier") if each.startswith("License :: ")]
    return told or values("License") or ["none"]


def test_every_package_that_is_brought_along_has_a_licence_that_asks_nothing_of_its_users() -> None:
    found = {each.name: licences(each) for each in brought_along("alertprof", EXTRAS, set())}
    assert {"paramiko", "sqlalchemy", "mcp"} <= {name.lower() for name in found}
    other = {name: told for name, told in found.items() if not all(map(ALLOWED.fullmatch, told))}
    assert other == {}
