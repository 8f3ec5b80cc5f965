"""--web.config.file: Prometheus' form, read strictly; the parts that are read again; nothing weaker than it says."""

import asyncio
import os
import ssl
from contextlib import suppress
from pathlib import Path

import bcrypt
import pytest

from app.config.settings import BadConfig
from app.config.web import WebConfig, load
from app.web.auth.tokens_file import TokensUnreadable
from app.web.transport.tls import renewing
from tests.unit.web.certificates import Authority, openssl

# of "one"; made once, so that the tests have the same names everywhere
HASH = "$2b$04$L5IDZYDkR7QyHpUokb2zdu3XadFjr5m4SMSSkkHNYR2cUmd9NR/BG"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    made.issue("server")
    made.issue("other")
    return made


def written(authority: Authority, text: str) -> Path:
    file = authority.folder / "web.yml"
    file.write_text(text)
    return file


def faults(authority: Authority, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        load(written(authority, text))
    return [str(fault) for fault in caught.value.faults]


TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
CLIENTS = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.pem"


def test_no_file_is_plain_http_for_everybody() -> None:
    assert load(None) == WebConfig()
    assert (load(None).scheme, load(None).certified) == ("http", False)


def test_an_empty_file_asks_for_nothing(authority: Authority) -> None:
    assert load(written(authority, "")) == WebConfig()


def test_the_whole_form_is_read(authority: Authority) -> None:
    web = load(
        written(
            authority,
            f"{TLS}, {CLIENTS}, client_allowed_sans: [am], min_version: TLS13, prefer_server_cipher_suites: true}}\n"
            "http_server_config:\n  http2: false\n"
            "  headers: {Strict-Transport-Security: max-age=3, X-Frame-Options: deny}\n"
            f"basic_auth_users:\n  alice: {HASH}\n",
        )
    )

    assert web.tls and web.users
    assert (web.scheme, web.certified, web.tls.sans) == ("https", True, frozenset({"am"}))
    assert web.tls.context().minimum_version is ssl.TLSVersion.TLSv1_3
    assert web.tls.context().verify_mode is ssl.CERT_REQUIRED
    assert web.headers == (("Strict-Transport-Security", "max-age=3"), ("X-Frame-Options", "deny"))
    assert asyncio.run(web.users.verify("alice", "one"))


def test_certificates_if_given_do_not_count_as_required(authority: Authority) -> None:
    web = load(written(authority, f"{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: authority.pem}}"))

    assert web.tls and web.tls.context().verify_mode is ssl.CERT_OPTIONAL
    assert not web.certified


BAD = {
    "tls_server_config: {cert_file: server.pem}": "1:20: tls_server_config.key_file: is missing",
    "tls_server_conf: {}": "1:1: tls_server_conf: unknown key; did you mean tls_server_config?",
    f"{TLS}, key_files: x}}": "1:66: tls_server_config.key_files: unknown key; did you mean key_file?",
    f"{TLS}}}\nrate_limit: {{burst: 3}}": "2:13: rate_limit: requests are bounded in size",
    f"{TLS}, cert: abc}}": "tls_server_config.cert: certificates and keys are read from files here",
    f"{TLS}, min_version: TLS10}}": "tls_server_config.min_version: TLS10 is broken",
    f"{TLS}, min_version: TLS13, max_version: TLS12}}": "min_version is above max_version",
    f"{TLS}, client_auth_type: RequireAnyClientCert, client_ca_file: authority.pem}}": "nobody has verified",
    f"{TLS}, client_auth_type: Maybe}}": "there are NoClientCert",
    f"{TLS}, client_ca_file: authority.pem}}": "client_ca_file has no use without client_auth_type",
    f"{TLS}, client_auth_type: RequireAndVerifyClientCert}}": "needs client_ca_file",
    f"{TLS}, client_allowed_sans: [am]}}": "client_allowed_sans needs",
    f"{TLS}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}": "only suites with forward secrecy",
    "tls_server_config: {cert_file: server.pem, key_file: other.key}": "no pair that can be used",
    "tls_server_config: {cert_file: server.pem, key_file: gone.key}": "gone.key cannot be read: No such file",
    "basic_auth_users: {alice: hunter2}": "1:27: basic_auth_users.alice: is no bcrypt hash",
    "basic_auth_users: {alice: 123456}": "1:27: basic_auth_users.alice: is no bcrypt hash",
    f"basic_auth_users: {{'a:b': {HASH}}}": "'a:b' is no user's name",
    f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}": "3:3: basic_auth_users.a: this key is already in line 2",
    "http_server_config: {headers: {Content-Security-Policy: \"default-src *\"}}": "cannot be replaced",
    "http_server_config: {headers: {X-Frame-Options: allow}}": "X-Frame-Options is deny or sameorigin",
    "http_server_config: {headers: {Server: x}}": "Server cannot be set",
    'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb: c"}}': "a character that no header may have",
    "[]": "the file: a map is expected here",
}  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BAD.items())
def test_every_fault_is_told_with_its_place(authority: Authority, text: str, fault: str) -> None:
    assert any(fault in told for told in faults(authority, text)), faults(authority, text)


@pytest.mark.parametrize("password", ["hunter2", "123456"])
def test_a_password_in_the_wrong_place_is_not_repeated(authority: Authority, password: str) -> None:
    assert password not in "".join(faults(authority, f"basic_auth_users: {{alice: {password}}}"))


def test_a_key_with_a_passphrase_is_a_fault_and_no_question(authority: Authority) -> None:
    locked = authority.folder / "locked.key"
    openssl("ec", "-in", authority.folder / "server.key", "-out", locked, "-aes256", "-passout", "pass:x")

    (told,) = faults(authority, "tls_server_config: {cert_file: server.pem, key_file: locked.key}")
    assert "passphrase" in told


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read: No such file"):
        load(tmp_path / "web.yml")


# --- what is read again ---


def rewritten(file: Path, text: str) -> None:
    """With another time of change, however coarse the disk's clock."""
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 10**9, before + 10**9))


def test_a_new_password_counts_at_once_and_the_old_one_no_more(authority: Authority) -> None:
    file = written(authority, f"basic_auth_users: {{alice: {HASH}}}")
    users = load(file).users
    assert users and asyncio.run(users.verify("alice", "one"))

    rewritten(file, f"basic_auth_users: {{alice: {bcrypt.hashpw(b'two', bcrypt.gensalt(4)).decode()}}}")
    assert not asyncio.run(users.verify("alice", "one"))
    assert asyncio.run(users.verify("alice", "two"))


@pytest.mark.parametrize("spoiled", ["basic_auth_users: {alice: x}", "basic_auth_users: [", None])
def test_once_the_file_is_no_good_nobody_is_a_user_until_it_is(authority: Authority, spoiled: str | None) -> None:
    good = f"basic_auth_users: {{alice: {HASH}}}"
    file = written(authority, good)
    users = load(file).users
    assert users

    file.unlink() if spoiled is None else rewritten(file, spoiled)
    for _ in range(2):
        with pytest.raises(TokensUnreadable) as caught:
            asyncio.run(users.verify("alice", "one"))
        assert "alice" not in str(caught.value)
    file.write_text(good)
    os.utime(file, ns=(0, 0))
    assert asyncio.run(users.verify("alice", "one"))


def test_users_that_were_all_removed_let_nobody_in(authority: Authority) -> None:
    file = written(authority, f"basic_auth_users: {{alice: {HASH}}}")
    users = load(file).users
    rewritten(file, "")

    assert users and not asyncio.run(users.verify("alice", "one"))


def shown(server: ssl.SSLContext, trusted: Path) -> str:
    """The serial number of the certificate that a client is shown."""
    client = ssl.create_default_context(cafile=str(trusted))
    ends = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
    here = client.wrap_bio(ends[0][0], ends[0][1], server_hostname="localhost")
    there = server.wrap_bio(ends[1][0], ends[1][1], server_side=True)
    for _ in range(4):
        for end in (here, there):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            ends[1][0].write(ends[0][1].read())
            ends[0][0].write(ends[1][1].read())
    certificate = here.getpeercert()
    assert certificate
    return str(certificate["serialNumber"])


def test_a_renewed_certificate_is_shown_at_once_and_a_spoiled_one_never(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, _ = authority.issue("server")
    web = load(written(authority, f"{TLS}}}"))
    assert web.tls
    context = renewing(web.tls)
    first = shown(context, authority.file)

    authority.issue("server")
    second = shown(context, authority.file)
    assert second != first
    cert.write_text("spoiled")
    assert [shown(context, authority.file) for _ in range(2)] == [second, second]
    authority.issue("server")
    assert shown(context, authority.file) not in (first, second)


def test_no_session_outlives_its_certificate(authority: Authority) -> None:
    web = load(written(authority, f"{TLS}}}"))
    assert web.tls
    made = web.tls.context()
    assert made.options & ssl.OP_NO_TICKET
    assert made.num_tickets == 0
    assert all("ECDHE" in suite["name"] or suite["protocol"] == "TLSv1.3" for suite in made.get_ciphers())
