"""The table of docs/ssh.md, row by row: what `ssh` follows of its configuration, and what alertprof does of that.

Every row runs the real client and alertprof on one file against one sshd. A row that is followed has a twin, the same
file with another value, with which both fail: so the line decides.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.errors import AlertprofError, Refused
from app.hosts.settings import HostsSettings
from app.hosts.ssh import Connection, Connector
from tests.integration.test_ssh import agent, says
from tests.lab.sshd import Sshd, make_key

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="needs the ssh client")
DOCUMENT = Path(__file__).parents[2] / "docs" / "ssh.md"
Lines = Mapping[str, str]


@dataclass(frozen=True)
class Lab:
    """Two servers: the target, which trusts `authority` and `client_key`, and a jump host, which trusts the same."""

    folder: Path
    target: Sshd
    jump: Sshd

    def key(self, name: str, kind: str = "ed25519") -> Path:
        """Of a stranger."""
        return make_key(self.folder / name, kind)

    def trusted(self, name: str) -> Path:
        """The key that is let in, under another name."""
        shutil.copy(self.target.client_key, self.folder / name)
        return self.folder / name

    def certificate(self, key: Path, where: str) -> Path:
        sign = ["ssh-keygen", "-q", "-s", str(self.folder / "ca"), "-I", "lab", "-n", self.target.user, f"{key}.pub"]
        subprocess.run(sign, check=True)
        return key.with_name(key.name + "-cert.pub").rename(self.folder / where)

    def file(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name

    @property
    def known(self) -> str:
        return self.target.known_hosts.read_text() + self.jump.known_hosts.read_text()

    @property
    def host_key(self) -> str:
        return " ".join((self.target.directory / "host_ed25519.pub").read_text().split()[:2])

    @property
    def token(self) -> str:
        """Where the key lies once every token of `TOKENS` is filled in."""
        here, user = socket.gethostname(), self.target.user
        short = here.partition(".")[0]
        return f"%-127.0.0.1-target-{self.target.port}-{user}-{user}-{os.getuid()}-target-{short}-{here}"

    def base(self) -> dict[str, str]:
        return {
            "HostName": "127.0.0.1",
            "Port": str(self.target.port),
            "User": self.target.user,
            "IdentityFile": str(self.target.client_key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.file("known", self.known)),
        }

    def configuration(self, lines: Lines, before: str = "") -> Path:
        """`lines` replace those of the base, "" takes one away; `before` stands above them."""
        said = {key: value for key, value in {**self.base(), **lines}.items() if value}
        body = "".join(f"  {key} {value}\n" for key, value in said.items())
        hops = "".join(
            f"Host {name}\n  HostName 127.0.0.1\n  Port {self.jump.port}\n  User {self.jump.user}\n"
            f"  IdentityFile {self.target.client_key}\n  UserKnownHostsFile {self.folder / 'known'}\n"
            for name in ("first", "second")
        )
        return self.file("config", f"{before}\nHost target\n{body}{hops}")


TOKENS = "%%-%h-%n-%p-%r-%u-%i-%k-%L-%l"
Build = Callable[[Lab], Lines]


@dataclass(frozen=True)
class Followed:
    """`twin` is the same with a value that leads nowhere; before, twin_before: lines above the host's own."""

    lines: Build = field(default=lambda lab: {})
    twin: Build = field(default=lambda lab: {})
    before: Callable[[Lab], str] = field(default=lambda lab: "")
    twin_before: Callable[[Lab], str] = field(default=lambda lab: "")
    agent: Callable[[Lab], tuple[Path, ...]] = field(default=lambda lab: ())


def nowhere(lab: Lab) -> str:
    return str(lab.file("empty", ""))


FOLLOWED = {
    "HostName": Followed(lambda lab: {"HostName": "127.0.0.1"}, lambda lab: {"HostName": "127.0.0.99"}),
    "Port": Followed(lambda lab: {"Port": str(lab.target.port)}, lambda lab: {"Port": "1"}),
    "User": Followed(lambda lab: {"User": lab.target.user}, lambda lab: {"User": "nobody-here"}),
    "Include": Followed(
        lambda lab: {"Port": ""},
        lambda lab: {"Port": ""},
        before=lambda lab: f"Include {lab.file('more', f'Host target{chr(10)} Port {lab.target.port}{chr(10)}')}",
    ),
    "Match host, user, exec, final": Followed(
        lambda lab: {"Port": ""},
        lambda lab: {"Port": ""},
        before=lambda lab: (
            f'Match final originalhost target exec "test %n = target"\n  Port {lab.target.port}\nMatch user x\n  Port 1'
        ),
        twin_before=lambda lab: f'Match exec "test %n = other"\n  Port {lab.target.port}',
    ),
    "IdentityFile": Followed(
        lambda lab: {"IdentityFile": str(lab.trusted("one"))}, lambda lab: {"IdentityFile": str(lab.key("stranger"))}
    ),
    "IdentityFile: tokens, ~, ${VARIABLE}": Followed(
        lambda lab: {
            "IdentityFile": f"%d/{os.path.relpath(lab.trusted(lab.token).parent, Path.home())}/{TOKENS}",
        },
        lambda lab: {"IdentityFile": f"{lab.folder}/no-{TOKENS}"},
    ),
    "IdentityFile: PKCS#8": Followed(
        lambda lab: {"IdentityFile": str(as_pkcs8(lab))}, lambda lab: {"IdentityFile": str(lab.key("other", "ecdsa"))}
    ),
    "IdentityFile: a public key, the private one in the agent": Followed(
        lambda lab: {"IdentityFile": f"{lab.target.client_key}.pub", "IdentityAgent": "$LAB_AGENT"},
        lambda lab: {"IdentityFile": f"{lab.key('stranger')}.pub", "IdentityAgent": "$LAB_AGENT"},
        agent=lambda lab: (lab.target.client_key,),
    ),
    "CertificateFile": Followed(
        lambda lab: {
            "IdentityFile": str(lab.key("plain")),
            "CertificateFile": str(lab.certificate(lab.key("plain"), "%r.pub")).replace("%r.pub", "%%r.pub"),
        },
        lambda lab: {"IdentityFile": str(lab.key("plain")), "CertificateFile": f"{lab.folder}/none.pub"},
    ),
    "Certificates beside keys": Followed(
        lambda lab: {"IdentityFile": str(beside(lab))}, lambda lab: {"IdentityFile": str(lab.key("bare"))}
    ),
    "Certificates in agents": Followed(
        lambda lab: {"IdentityFile": "none", "IdentitiesOnly": "no", "IdentityAgent": "$LAB_AGENT"},
        lambda lab: {"IdentityFile": "none", "IdentitiesOnly": "no", "IdentityAgent": "none"},
        agent=lambda lab: (beside(lab),),
    ),
    "IdentityAgent": Followed(
        lambda lab: {"IdentityFile": "none", "IdentitiesOnly": "no", "IdentityAgent": "${LAB_AGENT}"},
        lambda lab: {"IdentityFile": "none", "IdentitiesOnly": "no", "IdentityAgent": "/nowhere/agent"},
        agent=lambda lab: (lab.target.client_key,),
    ),
    "IdentitiesOnly": Followed(
        lambda lab: {"IdentityFile": str(lab.key("x")), "IdentitiesOnly": "no", "IdentityAgent": "$LAB_AGENT"},
        lambda lab: {"IdentityFile": str(lab.key("x")), "IdentitiesOnly": "yes", "IdentityAgent": "$LAB_AGENT"},
        agent=lambda lab: (lab.target.client_key,),
    ),
    "UserKnownHostsFile": Followed(
        lambda lab: {"UserKnownHostsFile": f'{nowhere(lab)} "{lab.file("known hosts", lab.known)}"'},
        lambda lab: {"UserKnownHostsFile": nowhere(lab)},
    ),
    "GlobalKnownHostsFile": Followed(
        lambda lab: {"UserKnownHostsFile": nowhere(lab), "GlobalKnownHostsFile": str(lab.file("global", lab.known))},
        lambda lab: {"UserKnownHostsFile": nowhere(lab), "GlobalKnownHostsFile": nowhere(lab)},
    ),
    "HostKeyAlias": Followed(
        lambda lab: {
            "HostKeyAlias": "the-target",
            "UserKnownHostsFile": str(lab.file("alias", f"the-target {lab.host_key}\n")),
        },
        lambda lab: {"HostKeyAlias": "another"},
    ),
    "RevokedHostKeys": Followed(
        lambda lab: {"RevokedHostKeys": f"{lab.key('stranger')}.pub"},
        lambda lab: {"RevokedHostKeys": str(lab.target.directory / "host_ed25519.pub")},
    ),
    "ProxyJump": Followed(lambda lab: {"ProxyJump": "first"}, lambda lab: {"ProxyJump": "first:1"}),
    "ProxyJump: chains": Followed(
        lambda lab: {"ProxyJump": f"first,{lab.jump.user}@second:{lab.jump.port}"},
        lambda lab: {"ProxyJump": "first:1,second"},
    ),
}


def as_pkcs8(lab: Lab) -> Path:
    key = lab.key("pkcs8", "ecdsa")
    with (lab.target.directory / "authorized_keys").open("a") as known:
        known.write(key.with_name("pkcs8.pub").read_text())
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PKCS8", "-N", "", "-f", str(key)], check=True, capture_output=True)
    assert "BEGIN PRIVATE KEY" in key.read_text()
    return key


def beside(lab: Lab) -> Path:
    key = lab.key("certified")
    lab.certificate(key, "certified-cert.pub")
    return key


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sshd, Sshd]]:
    folder = tmp_path_factory.mktemp("sshd")
    authority = make_key(folder / "ca")
    shown = folder / "target" / "host_ed25519-cert.pub"
    config = [f"TrustedUserCAKeys {authority}.pub", f"HostCertificate {shown}", "AllowAgentForwarding yes"]
    target, jump = Sshd(folder / "target", config=config), Sshd(folder / "jump")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "lab", "-h", "-n", "127.0.0.1"]
    subprocess.run([*sign, str(folder / "target" / "host_ed25519.pub")], check=True)
    shutil.copy(target.directory / "authorized_keys", jump.directory / "authorized_keys")
    with target, jump:
        yield target, jump


@pytest.fixture
def lab(servers: tuple[Sshd, Sshd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    authority = servers[0].directory.parent / "ca"
    shutil.copy(authority, tmp_path / "ca")
    shutil.copy(f"{authority}.pub", tmp_path / "ca.pub")
    return Lab(tmp_path, *servers)


def ssh_reaches(config: Path, command: tuple[str, ...] = ("true",)) -> bool:
    asked = ["ssh", "-F", str(config), "-o", "BatchMode=yes", "target", *command]
    return subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60).returncode == 0


def connected(config: Path) -> Connection:
    return Connector(HostsSettings(allowed=("target",), ssh_config_file=config)).connect("target")


def alertprof_reaches(config: Path) -> bool:
    try:
        connected(config).close()
    except AlertprofError:
        return False
    return True


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ssh` takes the account's home, alertprof what HOME says: the rows are about hosts where the two are the same."""
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)


@pytest.mark.parametrize("row", FOLLOWED)
def test_what_ssh_follows_is_followed(lab: Lab, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    this = FOLLOWED[row]
    with ExitStack() as stack:
        if keys := this.agent(lab):
            monkeypatch.setenv("LAB_AGENT", stack.enter_context(agent(*keys)))
        config = lab.configuration(this.lines(lab), this.before(lab))
        assert (ssh_reaches(config), alertprof_reaches(config)) == (True, True)
        config = lab.configuration(this.twin(lab), this.twin_before(lab))
        assert (ssh_reaches(config), alertprof_reaches(config)) == (False, False)


# --- what is never followed ---


def refused(lab: Lab, lines: Lines, words: str) -> None:
    """ssh reaches the host so, and alertprof refuses with these words."""
    config = lab.configuration(lines)
    assert ssh_reaches(config)
    with pytest.raises(Refused) as refusal:
        connected(config)
    assert words in refusal.value.reason.message


def unheeded(lab: Lab, lines: Lines, *command: str) -> None:
    """ssh makes the file `made`; alertprof reaches the host without that."""
    made = lab.folder / "made"
    config = lab.configuration({key: value.replace("MADE", str(made)) for key, value in lines.items()})
    ssh_reaches(config, tuple(word.replace("MADE", str(made)) for word in command))
    assert made.exists()
    made.unlink()
    with closing(connected(config)) as connection:
        assert says(connection, "echo $SSH_AUTH_SOCK x") == b"x\n"
    assert not made.exists()


def checks_nothing(lab: Lab, files: str) -> None:
    refused(lab, {"UserKnownHostsFile": files, "StrictHostKeyChecking": "no"}, "not known")


def command_for_known_hosts(lab: Lab) -> None:
    lines = {"UserKnownHostsFile": nowhere(lab), "KnownHostsCommand": f"/bin/cat {lab.file('theirs', lab.known)}"}
    refused(lab, lines, "not known")


def forwarded_agent(lab: Lab) -> None:
    with agent(lab.target.client_key) as where:
        lines = {"IdentityAgent": where, "ForwardAgent": "yes"}
        unheeded(lab, lines, 'test -n "$SSH_AUTH_SOCK" && touch MADE')


def shared_connection(lab: Lab) -> None:
    with tempfile.TemporaryDirectory() as short:  # as the path of a socket has to be
        unheeded(lab, {"ControlMaster": "yes", "ControlPath": f"{short}/c"}, f"test -S {short}/c && touch MADE")


def host_certificate(lab: Lab) -> None:
    authority = (lab.folder / "ca.pub").read_text()
    known = lab.file("authority", f"@cert-authority * {authority}")
    refused(lab, {"UserKnownHostsFile": str(known)}, "certificate authority")


def own_algorithms(lab: Lab) -> None:
    config = lab.configuration({"Ciphers": "chacha20-poly1305@openssh.com"})
    assert ssh_reaches(config)
    with closing(connected(config)) as connection:
        assert connection._transport.remote_cipher == "aes128-gcm@openssh.com"  # type: ignore[attr-defined]


NEVER: Mapping[str, Callable[[Lab], None]] = {
    "StrictHostKeyChecking": lambda lab: checks_nothing(lab, "/nowhere/where-ssh-would-add-it"),
    "UserKnownHostsFile none, /dev/null": lambda lab: checks_nothing(lab, "/dev/null"),
    "NoHostAuthenticationForLocalhost": lambda lab: refused(
        lab, {"UserKnownHostsFile": nowhere(lab), "NoHostAuthenticationForLocalhost": "yes"}, "not known"
    ),
    "KnownHostsCommand": command_for_known_hosts,
    "ProxyCommand": lambda lab: refused(
        lab, {"ProxyCommand": f"busybox nc 127.0.0.1 {lab.target.port}"}, "use ProxyJump there"
    ),
    "LocalCommand": lambda lab: unheeded(lab, {"PermitLocalCommand": "yes", "LocalCommand": "touch MADE"}, "true"),
    "RemoteCommand": lambda lab: unheeded(lab, {"RemoteCommand": "touch MADE"}),
    "ForwardAgent": forwarded_agent,
    "ControlMaster, ControlPath": shared_connection,
    "Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms": own_algorithms,
    "@cert-authority in known_hosts": host_certificate,
}


@pytest.mark.parametrize("row", NEVER)
def test_what_is_never_followed_is_not(lab: Lab, row: str) -> None:
    NEVER[row](lab)


@pytest.mark.parametrize(("rows", "said"), [(FOLLOWED, "yes"), (NEVER, "never")])
def test_the_document_has_every_row_and_no_other(rows: Mapping[str, object], said: str) -> None:
    table = re.findall(rf"^\| `?([^|`]+)`? \| {said} \|[^|]*\|$", DOCUMENT.read_text(), re.MULTILINE)
    assert table == list(rows)
