"""Whose function is it, and what is its name."""

from pathlib import Path

import pytest

from app.analysis.charges import Charges
from app.analysis.facts import facts
from app.analysis.owners import Owners, enclosing, package_of, receiver, short

PROFILES = Path(__file__).parents[2] / "data" / "profiles"
BUILT = [
    ("runtime.main", "/usr/local/go/src/runtime/proc.go"),
    ("main.main", "/build/shop/cmd/api/main.go"),
]
TRIMMED = [("runtime.main", "runtime/proc.go"), ("main.main", "example.com/shop/cmd/api/main.go")]


@pytest.mark.parametrize(
    ("name", "file", "own"),
    [
        ("main.main", "/build/shop/cmd/api/main.go", True),
        ("example.com/shop/cart.(*Cart).Add", "/build/shop/cart/cart.go", True),
        ("shop/internal/sort.Rank", "/build/shop/internal/sort/rank.go", True),
        ("net/http.(*conn).serve", "/usr/local/go/src/net/http/server.go", False),
        ("slices.SortFunc[go.shape.[]string]", "/usr/local/go/src/slices/sort.go", False),
        ("github.com/acme/kv.(*Pool).Get", "/root/go/pkg/mod/github.com/acme/kv@v1.2.3/pool.go", False),
        ("github.com/acme/kv.(*Pool).Get", "/build/shop/vendor/github.com/acme/kv/pool.go", False),
        (
            "golang.org/x/net/http2.(*Framer).ReadFrame",
            "/root/go/pkg/mod/golang.org/x/net@v0.4.0/http2/frame.go",
            False,
        ),
        ("github.com/acme/kv.(*Pool).Get", "/build/gokv/pool.go", False),  # replaced by a folder beside
        ("example.com/shop/_cgoexp.run", "_cgo_gotypes.go", False),
        ("memeqbody", "/usr/local/go/src/internal/bytealg/equal_amd64.s", False),
    ],
)
def test_the_files_of_functions_tell_own_ones_from_libraries(name: str, file: str, own: bool) -> None:
    assert Owners(BUILT).own(name, file) is own


@pytest.mark.parametrize(
    ("name", "file", "own"),
    [
        ("example.com/shop/cart.(*Cart).Add", "example.com/shop/cart/cart.go", True),
        ("shop/cart.(*Cart).Add", "shop/cart/cart.go", True),
        ("github.com/acme/kv.(*Pool).Get", "github.com/acme/kv@v1.2.3/pool.go", False),
        ("encoding/json.Marshal", "encoding/json/encode.go", False),
        ("internal/runtime/maps.(*Map).Put", "internal/runtime/maps/map.go", False),
    ],
)
def test_trimmed_paths_tell_it_too(name: str, file: str, own: bool) -> None:
    assert Owners(TRIMMED).own(name, file) is own


@pytest.mark.parametrize(
    ("module", "name", "file", "own"),
    [
        ("text", "text/ingest.Count", "text/ingest/ingest.go", True),  # named like a package of the standard library
        ("text", "text/template.(*Template).Execute", "/usr/local/go/src/text/template/exec.go", False),
        ("text", "textproto.Read", "textproto/read.go", False),
        ("github.com/acme/shop", "github.com/acme/shop/internal/third/kv.Get", "/b/shop/internal/third/kv/kv.go", True),
        ("github.com/acme/shop", "github.com/acme/lib.Get", "/build/shop/lib/lib.go", False),  # replaced by ./lib
        ("github.com/acme/shop", "github.com/acme/shopping.Get", "/build/shopping/shopping.go", False),
        ("github.com/acme/shop", "github.com/acme/kv.Get", "/build/shop/vendor/github.com/acme/kv/kv.go", False),
        ("github.com/acme/shop.v2", "github.com/acme/shop%2ev2.Run", "github.com/acme/shop.v2/run.go", True),
        ("github.com/acme/shop.v2", "main.main", "github.com/acme/shop.v2/main.go", True),
        ("github.com/acme/shop", "runtime.mallocgc", "runtime/malloc.go", False),
        ("github.com/acme/shop", "memeqbody", "internal/bytealg/equal_amd64.s", False),
    ],
)
def test_the_main_module_of_the_build_information_decides(module: str, name: str, file: str, own: bool) -> None:
    assert Owners([*BUILT, *TRIMMED], module).own(name, file) is own


def test_a_service_whose_module_is_called_like_a_standard_package_is_charged_its_own_functions() -> None:
    def payer(module: str) -> str:
        found = facts(PROFILES / "go-1.27-module-text.cpu", module)
        assert isinstance(found, Charges)
        return max(found.functions, key=lambda each: each.flat).function

    assert payer("text") == "text/ingest.Count"
    assert payer("") == "main.main"  # by the shape of its path it is of the standard library


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("main.serve.func1", "main.serve"),
        ("main.serve.func1.2", "main.serve"),
        ("main.(*Server).run.gowrap1", "main.(*Server).run"),
        ("main.(*Server).run-fm", "main.(*Server).run"),
        ("main.Map[go.shape.int].Get", "main.Map.Get"),
        ("main.each.func1-range2", "main.each"),
        ("main.func1", "main"),
        ("main.main", "main.main"),
    ],
)
def test_a_closure_counts_as_the_function_that_declares_it(name: str, declared: str) -> None:
    assert enclosing(name) == declared


def test_names_are_taken_apart() -> None:
    name = "example.com/shop/internal/cart.(*Cart).Add"
    assert package_of(name) == "example.com/shop/internal/cart"
    assert package_of("main.run") == "main"
    assert short(name) == "cart.(*Cart).Add"
    assert receiver(name) == receiver("example.com/shop/internal/cart.(*Cart).Remove") != ""
    assert receiver("example.com/shop/internal/cart.Add") == ""
