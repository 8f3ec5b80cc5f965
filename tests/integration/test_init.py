"""`alertprof init` beside a real sshd: what it writes works as it stands."""

import subprocess
from pathlib import Path

from tests.lab.forked import alertprof
from tests.lab.sshd import Sshd


def test_init_writes_what_works_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with Sshd(tmp_path / "sshd") as sshd:
        given = ("init", f"--directory={folder}", f"--host={sshd.host}", f"--port={sshd.port}", f"--user={sshd.user}")
        unasked = alertprof(*given)
        assert (unasked.returncode, folder.exists()) == (2, False)
        fingerprint = subprocess.run(
            ["ssh-keygen", "-lf", str(tmp_path / "sshd" / "host_ed25519.pub")],
            capture_output=True, text=True, check=True,
        ).stdout.split()[1]  # fmt: skip
        assert fingerprint in unasked.stdout
        assert unasked.stderr.rstrip().endswith("--accept-keys")

        done = alertprof(*given, "--accept-keys")
        assert done.returncode == 0, done.stderr
        made = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
        assert made == dict.fromkeys(("alertprof.yml", "id_ed25519", "id_ed25519.pub", "known_hosts"), 0o600)
        assert alertprof("check-config", str(folder / "alertprof.yml")).returncode == 0
        public = (folder / "id_ed25519.pub").read_text()
        assert f"restrict {public}" in done.stdout
        assert "webhook_configs:" in done.stdout
        assert "host key" in done.stdout

        (tmp_path / "sshd" / "authorized_keys").write_text(f"restrict {public}")
        again = alertprof("doctor", f"--config.file={folder / 'alertprof.yml'}", sshd.host)
        assert "authentication" in again.stdout
        assert again.returncode == 0, again.stdout

        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        refused = alertprof(*given, "--accept-keys")
        assert refused.returncode == 1
        assert "is there already, and nothing was changed" in refused.stderr
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
