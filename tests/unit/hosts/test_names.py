import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Code, Refused
from app.hosts.names import fits, plain, relative


@pytest.mark.parametrize(
    ("written", "inside"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("Web-1.Prod.example.com", "web-1.prod.example.com"),
        ("order_mq", "order_mq"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1", "fe80::1"),
        ("::1", "::1"),
        ("a" * 253, "a" * 253),
    ],
)
def test_a_host_name_gets_its_one_form(written: str, inside: str) -> None:
    assert plain(written) == inside


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            "a b",
            "a\n",
            "a\0",
            "-oProxyCommand=id",
            ".hidden",
            "a/b",
            "a;id",
            "$(id)",
            "`id`",
            "a@b",
            "ä",
            "１",
        ),
        *("web:22", "[web]", "[::1]:22", "[::1", "fe80::1%eth0", "a" * 254, "%h", "a,b", "*"),
    ],
)
def test_what_is_no_host_name_is_refused(written: str) -> None:
    with pytest.raises(Refused) as refused:
        plain(written)
    assert refused.value.reason.code == Code.HOST_NOT_ALLOWED
    assert "is no host name" in refused.value.reason.message


@given(st.text())
def test_no_text_becomes_an_option_or_breaks_a_line(text: str) -> None:
    try:
        name = plain(text)
    except Refused as refusal:
        assert len(refusal.reason.message) < 1200
        assert refusal.reason.message.isascii()
    else:
        assert not name.startswith("-")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._:-")


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::7", "2001:db8::/32"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("db1.prod.example.com", "*.prod.example.com"),
        ("db1.prod.example.com", "*.PROD.example.com"),
        ("anything", "*"),
    ],
)
def test_a_host_fits_its_pattern(host: str, pattern: str) -> None:
    assert fits(host, ["other", pattern])


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("11.1.2.3", "10.0.0.0/8"),
        ("10.evil.example", "10.0.0.0/8"),
        ("2001:db9::7", "2001:db8::/32"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("prod.example.com", "*.prod.example.com"),
        ("x.prod.example.com.evil", "*.prod.example.com"),
        ("web10", "web1"),
    ],
)
def test_a_host_outside_does_not_fit(host: str, pattern: str) -> None:
    assert not fits(host, [pattern])


NAMES = "localhost LocalHost localhost. api.localhost localhost4 localhost6.localdomain6 ip6-localhost ip6-loopback"
ADDRESSES = "127.0.0.1 127.8.8.8 ::1 [::1] ::1%lo 0.0.0.0 [::] ::ffff:127.0.0.1 fe80::1 fe80::1%eth0 169.254.1.1"
CLASSIC = "127.1 2130706433 0x7f000001 0"


@pytest.mark.parametrize("host", f"{NAMES} {ADDRESSES} {CLASSIC}".split())
def test_what_means_another_machine_to_everybody_is_relative(host: str) -> None:
    assert relative(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.5", "2001:db8::1", "::ffff:10.0.0.5", "localhosts", "mylocalhost", "web.localdomain", "beef", "128.1"],
)
def test_what_means_one_machine_is_not_relative(host: str) -> None:
    assert not relative(host)


def test_a_zone_is_left_out_where_the_address_means_something_without_it() -> None:
    assert plain("2001:db8::1%eth0") == plain("[2001:DB8::1%25]") == "2001:db8::1"
    with pytest.raises(Refused, match="one link"):
        plain("fe80::1%eth0")
