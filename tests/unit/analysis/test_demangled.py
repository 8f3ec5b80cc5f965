"""C++ functions have the same name whichever perf printed it. The long forms are those of c++filt, the short ones those
of perf 6.1 (Debian 12), of the same program."""

import pytest

from app.analysis.demangled import without_signature


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("hot(int)", "hot"),
        ("int apply<int (*)(int)>(int (*)(int), int)", "apply<int (*)(int)>"),
        ("int apply<hot(int)::{lambda(int)#1}>(hot(int)::{lambda(int)#1}, int)", "apply<hot(int)::{lambda(int)#1}>"),
        (
            "int apply<(anonymous namespace)::Anon>((anonymous namespace)::Anon, int)",
            "apply<(anonymous namespace)::Anon>",
        ),
        ("(anonymous namespace)::Anon::operator()(int) const", "(anonymous namespace)::Anon::operator()"),
        ("hot(int)::{lambda(int)#1}::operator()(int) const", "hot(int)::{lambda(int)#1}::operator()"),
        ("Order::operator bool() const", "Order::operator bool"),
        ("Order::operator<(Order const&) const", "Order::operator<"),
        (
            "std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char const*)",
            "std::operator<< <std::char_traits<char> >",
        ),
        ("operator new(unsigned long)", "operator new"),
        ("Order::total(std::vector<int> const&) [clone .isra.0]", "Order::total"),
        ("std::map<int, a>::get(int) const &", "std::map<int, a>::get"),
        ("non-virtual thunk to A<int>::b(int)", "non-virtual thunk to A<int>::b"),
        ("a::b(a::c&&, void (*)(int))", "a::b"),
        ("f[abi:cxx11](int)", "f[abi:cxx11]"),
    ],
)
def test_a_signature_becomes_the_name(long: str, short: str) -> None:
    assert without_signature(long) == short
    assert without_signature(short) == short


@pytest.mark.parametrize(
    "name",
    [
        "main.(*S[go.shape.int]).Hot", "main.(*T).Run.func1", "type:.eq.main.T", "runtime.goexit.abi0",
        "<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop", "main::run::{{closure}}",
        "<fn(i32) -> i32 as F>::call", "<(A, B) as Trait>::f", "core::ptr::drop_in_place<(A, B)>",
        "LazyCompile:*f (/a b/x.js:1)", "py::f:/a (1).py", "java.lang.String.format(Ljava/lang/String;I)",
        "JS:~(anonymous) x.js:1:1", "do_syscall_64", "[unknown]", "", "(", ")", "a)", "a(b", "operator()",
        "a<b(c)", "x ()",
    ],
)  # fmt: skip
def test_another_name_stays_as_it_is(name: str) -> None:
    assert without_signature(name) == name


def test_a_hostile_name_takes_no_long_time() -> None:
    for part in ("(", ")", "<(", "operator ", " const", ") const", "a("):
        without_signature(part * 200_000 + ")")
