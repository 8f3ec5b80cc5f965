"""A client that a stranger generates from GET /openapi.json captures a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.integration.scene import Scene
from tests.lab.service import TLS
from tests.lab.target import Service

GENERATOR = "openapi-python-client==0.29.1"
UV = Path(__file__).parents[3] / ".cache" / "uv" / "bin" / "uv"
TOKEN = "an operator's token of the test"


def run(folder: Path, *words: str | Path) -> str:
    """The output of the command in an environment with the generator, as it is not one of our own dependencies."""
    command = [str(UV), "run", "--no-project", "--isolated", "--quiet", "--python", sys.executable, "--with", GENERATOR]
    command += map(str, words)
    env = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=env)
    if "Failed to fetch" in done.stderr or "No solution found" in done.stderr:
        pytest.skip(f"a generated client is NOT tested: {GENERATOR} cannot be had here")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generated(folder: Path, document: Path) -> None:
    """Writes the package `generated` into the folder."""
    options = folder / "options.yml"
    options.write_text(yaml.safe_dump({"content_type_overrides": {"application/zip": "application/octet-stream"}}))
    run(
        folder, "openapi-python-client", "generate", f"--path={document}", "--output-path=generated", "--meta=none",
        f"--config={options}",
    )  # fmt: skip


@pytest.mark.skipif(not UV.exists(), reason="no client is generated: there is no uv here; `make setup` installs it")
def test_a_client_generated_from_the_description_captures_a_process(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    (token := tmp_path / "token").write_text(TOKEN)
    target = run_target("toggle", HOT="1")
    with Scene(tmp_path / "scene", config={"auth": {"operator_token_file": str(token)}}) as scene:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        (document := tmp_path / "openapi.json").write_text(
            httpx2.get(f"{scene.service.url}/openapi.json", headers=bearer, verify=TLS).text
        )
        generated(tmp_path, document)
        drive = Path(__file__).with_name("drive.py")
        told = json.loads(
            run(tmp_path, "python", drive, tmp_path, scene.service.url, TOKEN, "127.0.0.1", str(target.pid))
        )
    assert {"cpu", "goroutine", "heap"} < {*told.pop("files")}
    assert told == {"state": "completed", "listed": True, "hottest": "main.checksum", "nothing": 404, "stranger": 401}
