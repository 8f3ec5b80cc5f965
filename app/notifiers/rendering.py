"""Renders a template in a process of its own, with limits. rendering_process.py is that process.

A template may loop for ever, or make a text of any length out of a short one, and no sandbox of Jinja's ends that.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from app.analysis.reading_process import ROOT, environment
from app.notifiers.rendering_process import Request
from app.notifiers.templates import Format, TemplateFault

SECONDS: Final = 5  # of processor time
WALL: Final = 60.0  # seconds, also on a machine that is busy
MEMORY: Final = 512 << 20  # bytes of address space; an empty one takes 100 MiB


def rendered_apart(template: str, format_: Format, context: Mapping[str, Any]) -> str:
    """As templates.rendered. context: of what JSON has. Raises TemplateFault; OSError if no process can be started."""
    request = Request(template, format_, dict(context), SECONDS, MEMORY)
    command = [sys.executable, "-c", "from app.notifiers.rendering_process import main; main()"]
    try:
        ended = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, cwd=ROOT, env=environment(),
            timeout=WALL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise TemplateFault(f"the template is not rendered after {WALL:g} s; let it do less") from late
    if ended.returncode:
        most = f"{SECONDS} s of processor time or {MEMORY >> 20} MiB of memory"
        raise TemplateFault(f"the template takes more than {most}; let it do less")
    text, fault = json.loads(ended.stdout)
    if fault:
        raise TemplateFault(fault)
    return str(text)
