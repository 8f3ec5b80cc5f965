"""`python -m tests.fuzz SECONDS`: atheris on profiles, schemathesis on the running service, hypothesis for longer.

Ends with 1 when one of them found something, and shows what.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.integration.guarded import Guarded

A_SECOND = 50  # examples of each of eight tests


ROOT = Path(__file__).parents[2]
ANYTHING = (
    "tests/unit/web/test_security_anything.py",
    "tests/unit/web/test_security_labels.py",
    "tests/unit/captures/test_story_machine.py",
)  # each does more where ALERTPROF_EXAMPLES is set


def run(name: str, command: Sequence[object], env: dict[str, str] | None = None, folder: Path = ROOT) -> bool:
    print(f"== {name}", flush=True)
    words = [str(word) for word in command]
    done = subprocess.run(words, env={**os.environ, **(env or {})}, cwd=folder, check=False)
    print(f"== {name}: {'found nothing' if done.returncode == 0 else 'FOUND SOMETHING'}", flush=True)
    return done.returncode == 0


def profiles(seconds: int, folder: Path) -> bool:
    limits = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-rss_limit_mb=1024",
        "-timeout=20",
        "-print_final_stats=1",
    ]
    where = [folder / "corpus", f"-artifact_prefix={folder}/"]
    return run("atheris: profiles", [sys.executable, "-m", "tests.fuzz.profiles", *where, *limits])


def api(seconds: int, folder: Path) -> bool:
    with Guarded(folder / "service") as service:
        schemathesis = Path(sys.executable).with_name("schemathesis")
        command = [
            schemathesis, "run", service.url() + "/openapi.json", f"--max-time={seconds}", "--continue-on-failure",
            "--exclude-checks=positive_data_acceptance,negative_data_rejection", "--suppress-health-check=all",
        ]  # fmt: skip
        return run("schemathesis: the API", command, folder=folder) and "Traceback" not in service.log()


def anything(seconds: int) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "--timeout=0", *ANYTHING]
    return run("hypothesis: texts, labels, stories", command, {"ALERTPROF_EXAMPLES": str(seconds * A_SECOND)})


def main() -> int:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory(prefix="alertprof-fuzz-") as folder:
        found = [profiles(seconds, Path(folder)), api(seconds, Path(folder)), anything(seconds)]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
