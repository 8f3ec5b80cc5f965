"""Names as pprof shows them."""

import pytest

from app.analysis.names import bare, place, shown


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("main.main", "main.main"),
        ("main.(*T).Method", "main.(*T).Method"),
        ("main.Map[...]", "main.Map[...]"),
        ("main.(*T[...]).Get", "main.(*T[...]).Get"),
        ("main.Map[...].(*T).func1", "main.Map[...]..func1"),  # pprof's own slip: it takes this for C++
        ("std::vector<int, a<b> >::push(int)", "std::vector::push"),
        ("_ZNK6orders6BasketIdE5totalEv", "orders::Basket::total"),
        ("_Znothing", "_Znothing"),
        ("f::g(a", "f::g(a"),
        ("f::g)(a)", "f::g)(a)"),
        ("java.util.<init>", "java.util.<init>"),
    ],
)
def test_a_symbol_is_shown_as_pprof_shows_it(symbol: str, name: str) -> None:
    assert shown(symbol, symbol) == name
    assert shown("", symbol) == name


def test_a_name_that_was_demangled_already_is_left_alone() -> None:
    assert shown("std::f(int)", "_ZN3std1fEi") == "std::f(int)"


@pytest.mark.parametrize(
    ("file", "name"), [("/usr/lib/libc.so.6", "[libc.so.6]"), ("", "<unknown>"), ("[vdso]", "[[vdso]]")]
)
def test_code_without_a_name_is_called_after_its_file(file: str, name: str) -> None:
    assert place("", file) == name


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("f(int)", "f"),
        (".f", "f"),
        ("(anonymous namespace)::f(int)", "(anonymous namespace)::f"),
        ("A::operator()(int)", "A::operator()"),
        ("main.(*T).f", "main."),
    ],
)
def test_the_argument_list_is_no_part_of_the_bare_name(name: str, without: str) -> None:
    assert bare(name) == without
