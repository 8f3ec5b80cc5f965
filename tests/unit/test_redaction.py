"""What is secret is replaced, and everything else stays byte for byte."""

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.redaction import BUILT_IN, Redaction

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

TEXTS = [  # «» around what has to go
    "DB_PASSWORD=«s3cr3t/A+b~9» ./orders",
    "--redis.password «s3cr3t/A+b~9» --db 3",
    "-Dspring.datasource.password=«s3cr3t/A+b~9» -jar x.jar",
    '{"password":"«s3 \\"cr3t»","user":"bob"}',
    '{"log":"{\\"apiKey\\":\\"«a\\\\\\"b»\\",\\"n\\":1}"}',
    "{Host:10.0.0.5:6379 Type:node Pass:«hunter2» Tls:false}",
    "accessToken: «s3cr3t» next",
    "['--client-secret', '«a b»', '-v']",
    '["--token","«abc»"]',
    "GET /login?token=«abc»&page=2 HTTP/1.1",
    "Authorization: Bearer «abc.def», x",
    '{"Authorization":["Basic «YWJjOmRlZg==»"]}',
    'Authorization: Digest «username="bob", response="abc"»',
    "X-Api-Key: «abcdef»",
    "Set-Cookie: «sid=1; HttpOnly»",
    "dial postgres://bob:«p@ss»@10.0.0.5:5432/orders?sslmode=off",
    "redis://:«hunter2»@10.0.0.5/0",
    "DataSource: root:«p/w@d»@tcp(10.0.0.5:3306)/orders",
    "key «AKIAIOSFODNN7EXAMPLE» is used",
    "AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY» aws",
    f"jwt «{JWT}» has expired",
    "-----BEGIN RSA PRIVATE KEY-----«\nMIIEow\nIBAAK\n»-----END RSA PRIVATE KEY-----\nnext",
    "curl -H 'authorization: token «abc»' x",
    "pushing with bearer «abcdefghijklmnop0123» to it",
    "SECRET_2=«x» TOKEN=«y» credentials=«z»",
]
HARMLESS = [
    "./orders -f etc/orders.yaml --max-tokens=500 --tokens 12 --keyspace orders --monkey=7 --bypass=1",
    "compass=north turkey: 3 keyboard=us secretary=bob tokenizer=bpe authorized=yes author=bob",
    "http://10.0.0.5:8080/a@b?x=1 at 12:30:01 user@host:/srv",
    '{"key":"order:17","level":"info","caller":"a/b.go:3","span":"1f8b"}',
    "goroutine 7 [chan send, 3 minutes]:\nmain.token(0x1)\n\t/srv/password.go:12 +0x1d",
    "access.log enabled",
]


def split(text: str) -> tuple[str, str]:
    """The text, and what is to become of it."""
    return re.sub("[«»]", "", text), re.sub("«.*?»", "[redacted]", text, flags=re.DOTALL)


@pytest.mark.parametrize("text", TEXTS)
def test_the_value_of_a_secret_goes_and_the_rest_stays(text: str) -> None:
    given_, wanted = split(text)
    assert BUILT_IN.text(given_) == wanted
    assert BUILT_IN.text(wanted) == wanted


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert BUILT_IN.text(text) == text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("./x", "--password", "a b'\"&;", "-v"), "./x --password [redacted] -v"),
        (("./x", "--password=a b&c;d)", "-key", "k"), "./x --password=[redacted] -key [redacted]"),
        (("env", "TOKEN=a b", "KEY=c", "./x"), "env TOKEN=[redacted] KEY=[redacted] ./x"),
        (("./x", "--use-token", "--verbose", "1"), "./x --use-token --verbose 1"),
        (("curl", "-H", "X-Auth-Token: abc"), "curl -H X-Auth-Token: [redacted]"),
        (("sh", "-c", "exec ./x --secret abc --port 1"), "sh -c exec ./x --secret [redacted] --port 1"),
        (("./x", "--dsn", "postgres://bob:pw@h/d"), "./x --dsn postgres://bob:[redacted]@h/d"),
    ],
)
def test_a_secret_of_a_command_line_ends_with_its_word(words: tuple[str, ...], shown: str) -> None:
    assert BUILT_IN.command(words) == shown


def test_the_configuration_adds_names_and_patterns() -> None:
    own = Redaction(names=("session",), patterns=(r"-u \w+:(\S+)", "card [0-9]{4}"))
    text = "curl -u bob:pw --session abc X_SESSION=1 mysession=2 card 1234 password=x"
    assert own.text(text) == (
        "curl -u bob:[redacted] --session [redacted] X_SESSION=[redacted] mysession=2 [redacted] password=[redacted]"
    )
    assert own.command(("./x", "--session", "a b", "session=c d")) == "./x --session [redacted] session=[redacted]"
    assert BUILT_IN.text(text).startswith("curl -u bob:pw --session abc X_SESSION=1")


def test_in_a_dump_only_the_labels_are_looked_at() -> None:
    labels = b'goroutine 1 [running] {api_token: "s3cr3t\\n", user: "bob"}:\n'
    plain = b"goroutine 7 [sleep, 5 minutes] {api_token: s3cr3t, user: bob}:\n"
    grouped = b'# labels: {"api_token":"s3cr3t", "user":"bob"}\n'
    frame = b"main.password: token=x\n"
    assert list(BUILT_IN.dump([labels, plain, grouped, frame])) == [
        b'goroutine 1 [running] {api_token: "[redacted]", user: "bob"}:\n',
        b"goroutine 7 [sleep, 5 minutes] {api_token: [redacted], user: bob}:\n",
        b'# labels: {"api_token":"[redacted]", "user":"bob"}\n',
        frame,
    ]


BARE = st.text(st.sampled_from("abcXYZ0189_/+~^%$#@!?*-."), min_size=1, max_size=30).map("Zq{}q".format)
PLAIN = st.text(st.sampled_from("abc XY.,;()<>{}[]|+*'\"\\\n\té→"), max_size=40)
NAMES = st.sampled_from(
    ["password", "DB_PASSWD", "clientSecret", "access-token", "api.key", "apiKey", "MY_KEY", "credential", "dbPass"]
)


@given(PLAIN, PLAIN)
def test_text_without_secrets_stays_byte_for_byte(first: str, second: str) -> None:
    assert BUILT_IN.text(f"{first} {second}") == f"{first} {second}"


@given(st.binary(max_size=200).filter(lambda data: not re.search(rb"[=:@\"' ]", data)))
def test_bytes_that_are_no_text_stay_as_they_are(data: bytes) -> None:
    assert BUILT_IN.data(data) == data


@settings(max_examples=50)
@given(PLAIN.map(lambda text: text.replace('"', "").replace("\\", "").replace("'", "")), NAMES, BARE, PLAIN)
def test_no_secret_of_the_list_is_left_wherever_it_stands(before: str, name: str, secret: str, after: str) -> None:
    for form in (f"{name}={secret}", f'"{name}":"{secret}"', f"--{name} {secret}", f"x://u:{name}q@h {name}: {secret}"):
        shown = BUILT_IN.text(f"{before} {form}\n{after}")
        assert shown.startswith(f"{before} ") and shown.endswith(f"\n{after}")
        assert "Zq" not in shown


@pytest.mark.parametrize(
    "piece",
    [
        "password",
        "a",
        "-",
        'password="\\',
        "://:",
        "x:",
        "--password ",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        f"{'M' * 64}\n",
    ],
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    def cost(size: int) -> float:
        text, began = piece * (size // len(piece)), process_time()
        BUILT_IN.text(text)
        return process_time() - began

    assert cost(400_000) < 12 * cost(100_000) + 0.2


def test_a_private_key_whose_beginning_was_cut_off_is_replaced_and_the_lines_before_it_stay() -> None:
    key = "\n".join(
        f"12:00:00 orders[7]: {line}" for line in ("M" * 64, "I" * 64, "ab==", "-----END RSA PRIVATE KEY-----")
    )
    shown = BUILT_IN.text(f"a line of the log\n{key}\nanother")
    assert shown == "a line of the log\n[redacted]-----END RSA PRIVATE KEY-----\nanother"
    whole = f"x\n-----BEGIN PRIVATE KEY-----\n{'M' * 64}\n-----END PRIVATE KEY-----\ny"
    assert BUILT_IN.text(whole) == "x\n-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\ny"


def test_a_label_of_a_goroutine_that_comes_in_pieces_ends_with_the_first() -> None:
    line = b'goroutine 7 [running] {user: bob, token: "' + b"s3" * 40 + b'"}:\n'
    pieces = [line[at : at + 50] for at in range(0, len(line), 50)]
    shown = b"".join(BUILT_IN.dump([*pieces, b"main.main()\n"]))
    assert shown == b'goroutine 7 [running] {user: bob, token: "[redacted][redacted]\nmain.main()\n'
    assert b"".join(BUILT_IN.dump([b"main.ma", b"in()\n"])) == b"main.main()\n"


@pytest.mark.parametrize("pattern", ["(", r"(?=x)", r"\1"])
def test_a_pattern_that_is_none_is_refused_with_its_reason(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no expression of RE2"):
        Redaction(patterns=(pattern,))
