from pathlib import Path

from app.hosts.settings import HostOverride, HostsSettings, SshOptions


def test_what_is_said_above_wins_and_what_is_not_falls_through() -> None:
    above = SshOptions(user="root", identity_files=(Path("a"),))
    below = SshOptions(user="profiler", port=2222, identity_files=(Path("b"), Path("c")), become="sudo")
    assert above.over(below) == SshOptions(user="root", port=2222, identity_files=(Path("a"),), become="sudo")


def test_the_first_override_that_fits_is_taken() -> None:
    first, second = SshOptions(user="one"), SshOptions(user="two")
    settings = HostsSettings(overrides=(HostOverride("10.1.*", first), HostOverride("10.*", second)))
    assert settings.override("10.1.2.3") is first
    assert settings.override("10.2.2.3") is second


def test_a_host_that_no_override_fits_has_nothing_said() -> None:
    settings = HostsSettings(overrides=(HostOverride("web*", SshOptions(user="one")),))
    assert settings.override("db1") == SshOptions()
