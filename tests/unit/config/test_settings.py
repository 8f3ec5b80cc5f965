from datetime import timedelta
from pathlib import Path

import pytest

from app.config.settings import BadConfig, Settings, load, parse
from app.hosts.settings import HostOverride, SshOptions
from app.intake.relabel import Relabel
from app.intake.relabelling import relabelled
from app.resolvers.labels import Labels
from app.resolvers.name import Name
from app.resolvers.port import Port
from app.stores import Bucket
from app.web.auth.tokens import Tokens

ROOT = Path(__file__).parents[3]
FILE = Path("/etc/alertprof/alertprof.yml")


def faults(text: str) -> list[str]:
    """Each fault as `line:column: where: message`; none for a good file."""
    try:
        parse(text, FILE)
    except BadConfig as error:
        return [line.removeprefix(f"{FILE}:") for line in str(error).splitlines()]
    return []


def good(text: str) -> Settings:
    return parse(text, FILE)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(None, tmp_path)

    assert settings.storage.database == f"sqlite:///{tmp_path}/alertprof.db"
    assert settings.storage.artifacts == tmp_path / "artifacts"
    assert [rule.name for rule in settings.rules] == ["default"]
    assert settings.rules[0].matches({"any": "thing"})
    assert settings.hosts.allowed is None
    assert settings.auth == Tokens()


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "rules: []", "ssh: {}"])
def test_an_empty_file_is_the_defaults(text: str) -> None:
    assert good(text) == load(None)


def test_the_example_is_good() -> None:
    settings = load(ROOT / "deploy" / "alertprof.example.yml")

    assert settings.hosts.ssh.user == "profiler"
    assert settings.rules[0].matches({"job": "order-mq", "severity": "critical"})
    assert not settings.rules[0].matches({"job": "order-mq"})
    assert settings.rules[0].drops({"env": "staging"})
    assert relabelled(settings.rules[0].relabel, {"instance": "a:9100"}) == {"instance": "a:8888"}


def test_the_example_of_the_rules_page_is_good() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    (rule,) = good(page.partition("```yaml\n")[2].partition("```")[0]).rules

    assert relabelled(rule.relabel, {"instance": "a:9100"}) == {"instance": "a:8888"}


def test_every_part_becomes_what_the_rooms_take() -> None:
    settings = good("""
ssh:
  user: profiler
  port: 2222
  identity_file: [id_a, /keys/id_b]
  known_hosts_file: known_hosts
  become: none
  jump_host: ops@bastion:22
  gate: installed
  shell_timeout: 45s
hosts:
  - {match: "10.1.*", user: root, address: 10.9.9.9, jump_host: null, shell_timeout: 1m30s}
  - {match: "db-*"}
allowed_hosts: ["10.0.0.0/8", "*.prod.example.com"]
storage: {database: "sqlite:///x/a.db", artifacts: /srv/artifacts}
auth: {webhook_token_file: webhook.token, operator_token_file: /run/operator.token}
limits: {cooldown: 5m}
rules:
  - name: orders
    matchers: ['job=~"order-.+"', 'severity="critical", team!="x"']
    resolvers: [labels, {kind: name, label: groupname}, port]
    only: {exe: "^/srv/", cmdline: ""}
    profiler: go-zero
    duration: 1m
    cooldown: 30m
  - name: rest
    profiler: {kind: auto}
""")
    ssh = SshOptions(
        user="profiler",
        port=2222,
        identity_files=(FILE.parent / "id_a", Path("/keys/id_b")),
        known_hosts_files=(FILE.parent / "known_hosts",),
        become="none",
        jump_host="ops@bastion:22",
        gate="installed",
        shell_timeout=45.0,
    )
    assert settings.hosts.ssh == ssh
    direct = SshOptions(user="root", address="10.9.9.9", jump_host="none", shell_timeout=90.0)
    assert settings.hosts.overrides == (HostOverride("10.1.*", direct), HostOverride("db-*", SshOptions()))
    assert settings.hosts.allowed == ("10.0.0.0/8", "*.prod.example.com")
    assert (settings.storage.database, settings.storage.artifacts) == ("sqlite:///x/a.db", Path("/srv/artifacts"))
    assert settings.auth == Tokens(FILE.parent / "webhook.token", Path("/run/operator.token"))
    orders, rest = settings.rules
    assert orders.matches({"job": "order-mq", "severity": "critical"})
    assert not orders.matches({"job": "order-mq", "severity": "critical", "team": "x"})
    assert orders.resolvers == (Labels(), Name(label="groupname"), Port())
    assert (orders.duration, orders.cooldown) == (timedelta(minutes=1), timedelta(minutes=30))
    assert orders.only_exe and orders.only_exe.search("/srv/order") and not orders.only_exe.search("/opt/srv/")
    assert orders.only_cmdline is None
    assert (orders.profiler, rest.profiler) == ("go-zero", "auto")
    assert (rest.duration, rest.cooldown, rest.resolvers) == (timedelta(seconds=30), timedelta(minutes=5), ())


def test_relabelling_is_read_as_prometheus_reads_it() -> None:
    (rule,) = good(r"""
rules:
  - name: orders
    relabel_configs:
      - source_labels: [instance, job]
        separator: "@"
        regex: (.+):\d+@.*
        target_label: instance
        replacement: $1:8888
      - {target_label: port, replacement: 8888}
      - action: HashMod
        source_labels: [instance]
        target_label: shard
        modulus: 3
      - {action: drop, source_labels: [shard], regex: 0}
      - action: labeldrop
        regex: shard
""").rules
    assert rule.relabel == (
        Relabel("replace", ("instance", "job"), "@", r"(.+):\d+@.*", 0, "instance", "$1:8888"),
        Relabel(target_label="port", replacement="8888"),
        Relabel("hashmod", ("instance",), modulus=3, target_label="shard"),
        Relabel("drop", ("shard",), regex="0"),
        Relabel("labeldrop", regex="shard"),
    )


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("{}", "37: rules[0].relabel_configs[0]: replace needs target_label, the name of a label"),
        (
            "{action: hashmod, target_label: x}",
            "37: rules[0].relabel_configs[0]: hashmod needs modulus, a whole number from 1 to 18446744073709551615",
        ),
        (
            "{action: labeldrop, regex: a, target_label: b, separator: '-'}",
            "37: rules[0].relabel_configs[0]: labeldrop takes only regex; leave out separator and target_label",
        ),
        (
            "{action: keepequal, source_labels: [a], target_label: b, regex: c}",
            "37: rules[0].relabel_configs[0]: keepequal takes only source_labels and target_label; leave out regex",
        ),
        (
            "{action: kep}",
            "46: rules[0].relabel_configs[0].action: Input should be 'replace', 'keep', 'drop', 'lowercase', "
            "'uppercase', 'hashmod', 'labelmap', 'labeldrop', 'labelkeep', 'keepequal' or 'dropequal'",
        ),
        (
            "{source_label: [a], target_label: x}",
            "38: rules[0].relabel_configs[0].source_label: unknown key; did you mean source_labels?",
        ),
        (
            "{source_labels: a, target_label: x}",
            "53: rules[0].relabel_configs[0].source_labels: a list is expected here: put it in [ ], or each item on a "
            "line of its own after a -",
        ),
        (
            "{source_labels: [a, 1.5], target_label: x}",
            "57: rules[0].relabel_configs[0].source_labels[1]: YAML reads 1.5 as a number; "
            'write a text, as "1.5" in quotes',
        ),
        (
            "{action: keep, regex: true}",
            "59: rules[0].relabel_configs[0].regex: YAML reads true as true or false; "
            'write a text, as "true" in quotes',
        ),
        ("{action: keep, regex: '('}", "59: rules[0].relabel_configs[0].regex: this ( has no ) after it"),
        (
            "{action: hashmod, target_label: x, modulus: -1}",
            "81: rules[0].relabel_configs[0].modulus: Input should be greater than or equal to 0",
        ),
        ("x", "37: rules[0].relabel_configs[0]: a map is expected here: keys with values, indented below"),
    ],
)
def test_a_fault_of_relabelling_says_where_it_is_and_what_would_be_right(entry: str, fault: str) -> None:
    assert faults(f"rules: [{{name: a, relabel_configs: [{entry}]}}]") == [f"1:{fault}"]


def test_every_entry_s_fault_is_told_at_once() -> None:
    told = faults("""rules:
  - name: a
    relabel_configs:
      - target_label: x
      - action: keep
        regex: (
      - action: lowercase
""")
    assert [line.split(": ")[:2] for line in told] == [
        ["6:16", "rules[0].relabel_configs[1].regex"],
        ["7:9", "rules[0].relabel_configs[2]"],
    ]


def test_the_cooldown_holds_without_rules_too() -> None:
    assert good("limits: {cooldown: 1h}").rules[0].cooldown == timedelta(hours=1)


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    told = faults("""ssh:
  prot: 22
  user: 17
rules:
  - matchers: ['a="b']
    duration: 30
colour: red
""")
    assert [line.split(": ")[:2] for line in told] == [
        ["2:3", "ssh.prot"],
        ["3:9", "ssh.user"],
        ["5:5", "rules[0].name"],
        ["5:16", "rules[0].matchers[0]"],
        ["6:15", "rules[0].duration"],
        ["7:1", "colour"],
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "ssh: {prot: 22}",
            "1:7: ssh.prot: unknown key; did you mean port?",
        ),
        (
            "colour: red",
            "1:1: colour: unknown key; there are ssh, hosts, allowed_hosts, storage, auth, limits, alertmanager, "
            "prometheus, redact, notifiers, notify, rules",
        ),
        (
            "ssh: {}\nssh: {}",
            "2:1: ssh: this key is already in line 1; keep one of the two",
        ),
        (
            "ssh: [",
            "1:7: YAML: while parsing a flow node, expected the node content, but found '<stream end>'",
        ),
        (
            "ssh:\n\tuser: x",
            "2:1: YAML: while scanning for the next token, found character '\\t' that cannot start any "
            "token; indent with spaces, not with tabs",
        ),
        (
            "- a",
            "1:1: the file: a map is expected here: keys with values, indented below",
        ),
        (
            "rules: x",
            "1:8: rules: a list is expected here: put it in [ ], or each item on a line of its own after a -",
        ),
        (
            "ssh: {user: on}",
            '1:13: ssh.user: YAML reads on as true or false; write true or false, or "on" in quotes '
            "where a word is meant",
        ),
        (
            "ssh: {user: 12}",
            '1:13: ssh.user: YAML reads 12 as a number; write a text, as "12" in quotes',
        ),
        (
            "ssh: {user: 2026-11-23}",
            '1:13: ssh.user: YAML reads 2026-11-23 as a date; write a text, as "2026-11-23" in quotes',
        ),
        (
            "ssh: {port: 0022}",
            '1:13: ssh.port: YAML 1.1 reads 0022 as a number to another base; write it plainly, or "0022" in quotes',
        ),
        (
            "ssh: {port: 1:30}",
            '1:13: ssh.port: YAML 1.1 reads 1:30 as a number to another base; write it plainly, or "1:30" in quotes',
        ),
        (
            "ssh: {port: 65536}",
            "1:13: ssh.port: Input should be less than or equal to 65535",
        ),
        (
            "ssh: {become: su}",
            "1:15: ssh.become: Input should be 'none' or 'sudo'",
        ),
        (
            "ssh: {shell_timeout: 30}",
            "1:22: ssh.shell_timeout: '30' has no unit; write 30s for seconds or 30m for minutes",
        ),
        (
            "hosts: [{match: h, shell_timeout: 2h}]",
            "1:35: hosts[0].shell_timeout: '2h' is no time to wait for a shell; choose between 1s and 5m",
        ),
        (
            "ssh: {jump_host: 'a b'}",
            "1:18: ssh.jump_host: 'a b' is no jump host; write host, user@host or user@host:port",
        ),
        (
            "hosts: [{user: x}]",
            "1:9: hosts[0].match: is missing",
        ),
        (
            "allowed_hosts: [10.0.0.0/33]",
            "1:17: allowed_hosts[0]: '10.0.0.0/33' is no network ('10.0.0.0/33' does not appear to be "
            "an IPv4 or IPv6 network); write one as 10.0.0.0/8",
        ),
        (
            "limits: {cooldown: 30}",
            "1:20: limits.cooldown: '30' has no unit; write 30s for seconds or 30m for minutes",
        ),
        (
            "limits: {cooldown: half}",
            "1:20: limits.cooldown: 'half' is no duration; write a number with a unit, as 30s, 5m or 1h30m",
        ),
        (
            "rules: [{name: a, duration: 2h}]",
            "1:29: rules[0].duration: '2h' is no time to record for; choose between 1s and 10m",
        ),
        (
            "rules: [{name: a, resolvers: [pid]}]",
            "1:31: rules[0].resolvers[0]: there is no resolver 'pid'; there are "
            "container, inventory, labels, name, pod, port, systemd, top",
        ),
        (
            "rules: [{name: a, resolvers: [{kind: name, lable: x}]}]",
            "1:31: rules[0].resolvers[0]: name has no option 'lable'; it has label",
        ),
        (
            "rules: [{name: a, resolvers: [{kind: name, label: [x]}]}]",
            "1:31: rules[0].resolvers[0]: name: label: Input should be a valid string",
        ),
        (
            "rules: [{name: a, resolvers: [{by: cpu}]}]",
            "1:31: rules[0].resolvers[0]: write the kind of a resolver, or a map with kind and its options",
        ),
        (
            "rules: [{name: a, profiler: perf}]",
            "1:29: rules[0].profiler: there is no profiler 'perf'; "
            "there are auto, command, go-memory, go-zero, http-pprof, node-inspector, signal",
        ),
        (
            "rules: [{name: a, profiler: {kind: go-zero, x: 1}}]",
            "1:29: rules[0].profiler: go-zero has no option 'x'; it has no options",
        ),
        (
            "rules: [{name: a, only: {exe: '('}}]",
            "1:31: rules[0].only.exe: this ( has no ) after it",
        ),
        (
            "rules: [{name: a}, {name: a}]",
            "1:27: rules[1].name: an earlier rule is called 'a' too; rename one of them",
        ),
        (
            "rules: [{name: a, prearm: true}]",
            "1:27: rules[0].prearm: Prometheus has to be asked for pending alerts: set prometheus.url",
        ),
        (
            "rules: [{name: a, baseline: {every: 1m}}]",
            "1:37: rules[0].baseline.every: each one is a recording; write 10m or more, as 24h",
        ),
        (
            "rules: [{name: manual}]",
            "1:16: rules[0].name: 'manual' is what captures are called that people ask for; choose another name",
        ),
        (
            "rules: [{name: a, matchers: ['a=~\"(\"']}]",
            "1:30: rules[0].matchers[0]: at character 4: in the regular expression: this ( has no ) after it",
        ),
        (
            "redact: {names: [a b]}",
            "1:18: redact.names[0]: 'a b' is no name; write letters, digits, dots, hyphens and underscores, as "
            "session_id",
        ),
        (
            "redact: {patterns: ['(?=a)']}",
            "1:21: redact.patterns[0]: '(?=a)' is no expression of RE2: invalid perl operator: (?=",
        ),
        (
            "redact: {patterns: ['x*']}",
            "1:21: redact.patterns[0]: 'x*' matches nothing at all as well; say what a secret has at least",
        ),
        (
            "rules: [{name: a, evidence: {logs: [{file: ../x}]}}]",
            "1:37: rules[0].evidence.logs[0]: '../x' is no log; write the absolute path of a file, as "
            "/var/log/x/access.log",
        ),
        (
            "rules: [{name: a, evidence: {environment: [a=b]}}]",
            "1:29: rules[0].evidence: 'a=b' is no name of a variable, as GOMEMLIMIT",
        ),
        (
            "storage: {database: mysql://x}",
            "1:21: storage.database: write sqlite:///path/to/alertprof.db or postgresql+psycopg://user@host/database",
        ),
        (
            "storage: {database: 'postgresql+psycopg://u:p@ss@db/x'}",
            "1:21: storage.database: the host of the database has a @; in a password write @ as %40 and % as %25, or "
            "write the password into a file that storage.database_password_file names",
        ),
        (
            "storage: {database_password_file: x}",
            "1:10: storage: database_password_file is for PostgreSQL; name it in database, or leave the file out",
        ),
        (
            "storage: {database: 'postgresql+psycopg://u:p@db/x', database_password_file: x}",
            "1:10: storage: the password is in database and in database_password_file; take it out of database",
        ),
        (
            "auth: {operator_token_file: 5}",
            "1:29: auth.operator_token_file: write the path of a file here",
        ),
    ],
)
def test_a_fault_says_where_it_is_what_is_wrong_and_what_would_be_right(text: str, fault: str) -> None:
    assert faults(text) == [fault]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("artifacts: 'ftp://host/files'", "ftp:// is no store of artifacts; write the path of a directory, or s3://"),
        ("artifacts: 's3://'", "write the bucket and a prefix, as s3://bucket/prefix"),
        ("artifacts: 's3://key:secret@bucket/x'", "write the bucket and a prefix, as s3://bucket/prefix"),
        ("artifacts: 'gs://bucket', object_store: {region: eu}", "region does not belong to gs://"),
        ("object_store: {region: eu}", "object_store is for s3://, gs:// or az:// in artifacts"),
        ("artifacts: 's3://b', object_store: {endpoint: minio}", "'minio' is no address"),
    ],
)
def test_a_store_that_cannot_be_one_is_refused_with_its_remedy(text: str, word: str) -> None:
    assert len(told := faults(f"storage: {{{text}}}")) == 1
    assert word in told[0]


def test_an_object_store_is_told_by_its_keys_and_the_secret_stays_in_its_file(tmp_path: Path) -> None:
    (file := tmp_path / "alertprof.yml").write_text(
        "storage:\n"
        "  artifacts: s3://captures/team/\n"
        "  object_store: {endpoint: 'http://127.0.0.1:8333', access_key_id: k, secret_access_key_file: s3.secret}\n"
    )
    bucket = load(file, tmp_path / "data").storage.artifacts
    assert isinstance(bucket, Bucket)
    assert (bucket.url, bucket.verifies) == ("s3://captures/team", False)
    assert bucket.secrets == {"secret_access_key": tmp_path / "s3.secret"}
    assert bucket.spool == (tmp_path / "data" / "arriving").absolute()


def test_what_it_cannot_honour_may_stand_there_empty() -> None:
    assert not faults("storage: {retention: null}\nrules: [{name: a, relabel_configs: []}]")


@pytest.mark.parametrize(
    ("said", "environment", "verifies"),
    [
        ("", "", True),
        (", object_store: {endpoint: https://s3.eu-1.amazonaws.com}", "", True),
        (", object_store: {endpoint: https://amazonaws.com.example.com}", "", False),
        ("", "https://minio.example.com", False),
    ],
)
def test_only_amazon_itself_is_believed_to_compare_checksums(
    said: str, environment: str, verifies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", environment)
    bucket = good(f"storage: {{artifacts: s3://captures{said}}}").storage.artifacts
    assert isinstance(bucket, Bucket) and bucket.verifies is verifies


def test_a_retention_is_checked_before_it_is_refused() -> None:
    told = faults("storage:\n  retention: {max_age: 30, max_bytes: 20, max_per_service: 0}")

    assert [line.partition(" ")[0] for line in told] == ["2:24:", "2:39:", "2:60:"]
    assert "write 20GiB, 20MiB or 20B" in told[1]


def test_a_missing_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'storage: {database: "postgresql+psycopg://alertprof@db/alertprof"}'
    monkeypatch.setattr("app.config.scalars.find_spec", lambda _: None)
    assert faults(text)[0].endswith("pip install 'alertprof[postgres]'")

    monkeypatch.setattr("app.config.scalars.find_spec", lambda _: "there")
    assert good(text).storage.database.startswith("postgresql+psycopg://")


@pytest.mark.parametrize(
    "text", ["a: &a [*a]", "a: &a [1]\nb: &b [*a,*a]\n" + "[" * 200, "\x00", "? [a]\n: b", "a: !!python/object:x y"]
)
def test_a_file_that_is_none_is_a_fault_and_no_traceback(text: str) -> None:
    assert faults(text)


def test_an_alias_that_multiplies_itself_ends() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 9)]

    assert "too many values" in faults("\n".join(lines))[0]


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (latin := tmp_path / "latin.yml").write_bytes(b"ssh: {user: gr\xf6\xdfe}")

    with pytest.raises(BadConfig, match=r"none\.yml:1:1: the file: cannot be read: No such file"):
        load(tmp_path / "none.yml")
    with pytest.raises(BadConfig, match=r"latin\.yml:1:1: the file: is not UTF-8"):
        load(latin)


def test_how_long_an_alert_is_held_back_and_where_alertmanager_is_may_be_said() -> None:
    assert (good("").limits.hold, good("").alertmanager) == (timedelta(hours=1), None)
    said = good("limits: {hold: 20m}\nalertmanager: {url: https://am.example.com/prefix/}")
    assert (said.limits.hold, said.alertmanager) == (timedelta(minutes=20), "https://am.example.com/prefix/")


@pytest.mark.parametrize("url", ["am:9093", "ftp://am", "http://", "http://am/?a=b", "/api"])
def test_what_is_no_address_of_alertmanager_is_told(url: str) -> None:
    (fault,) = faults(f"alertmanager:\n  url: {url}")
    assert fault.startswith("2:8: alertmanager.url: ") and "http://alertmanager:9093" in fault


def test_what_rules_ask_for_besides_the_profile_is_part_of_the_gates_script() -> None:
    rule = "rules: [{name: a, evidence: {logs: [{unit: x.service}], environment: [GOGC]}}]"
    text = f"redact: {{names: [pin], patterns: ['x(.)']}}\n{rule}"
    settings = parse(text, Path("alertprof.yml"))
    assert [recipe.body.splitlines()[2] for recipe in settings.recipes] == [
        "go) print_unit x.service ;;", "go) print_variables GOGC ;;",
    ]  # fmt: skip
    assert settings.redaction.text("pin=1 xy") == "pin=[redacted] x[redacted]"


def test_a_rule_is_known_by_what_the_file_says_of_it_alone() -> None:
    one, other = good("rules: [{name: a, duration: 10s}, {name: b}]").rules
    (same,) = good("limits: {per_hour: 9}\nrules:\n  - duration: 10s\n    name: a").rules
    (changed,) = good("rules: [{name: a, duration: 20s}]").rules
    assert one.digest == same.digest
    assert len({one.digest, other.digest, changed.digest}) == 3
    assert one.notes == {"rule": one.digest}
    assert good("").rules[0].notes == {}, "the rule that there is without any is everybody's"
