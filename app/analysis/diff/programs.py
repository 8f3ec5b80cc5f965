"""Whether two captures are of the same program: sentences about what differs, and what that does to their names."""

from collections.abc import Iterator


def unlike(base_build: str, build: str, base_go: str | None, go: str | None) -> Iterator[str]:
    """Of two builds and two versions of Go, "" or None where one is not known. The first of each is the base's.

    findings/go-1.27-names-closures-by-the-function-they-are-written-in.sh shows the last one."""
    if build and base_build and build != base_build:
        yield (
            f"The base is of another build ({base_build[:16]}, now {build[:16]}): a function may have another name, or "
            "be inlined in one of them only, and then seems gone or new."
        )
    if go and base_go and go != base_go:
        yield (
            f"The base was built with {base_go}, the capture with {go}: the runtime differs, and since Go 1.27 "
            "closures in inlined functions have other names."
        )
