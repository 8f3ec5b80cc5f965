"""atheris on what reads a stranger's profile: whatever the bytes are, a table or BadProfile.

`python -m tests.fuzz.profiles FOLDER -max_total_time=60`: libFuzzer's arguments; FOLDER keeps what led further.
"""

import contextlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.analysis"]):
    from app.analysis.names import bare, shown
    from app.analysis.profile import BadProfile, read
    from app.analysis.shapes import kind_of
    from app.analysis.top import top
    from app.analysis.units import format_percent, format_value

from tests.unit.analysis.synthetic import contention, cpu, heap

LIMIT = 1 << 20


def one(data: bytes) -> None:
    with contextlib.suppress(BadProfile):
        profile = read(data, limit=LIMIT)
        kind_of(profile)
        for sample_type in (None, "cpu"):
            with contextlib.suppress(BadProfile):
                table = top(profile, 10, sample_type)
                for row in table.rows:
                    format_value(row.flat, table.unit, table.shown_in) + format_percent(row.cum_percent)
    text = data[:200].decode("utf-8", "replace")
    assert len(shown(text, text)) <= max(len(text), 1)
    assert len(bare(text)) <= len(text)


def seeds(folder: Path) -> None:
    """Good profiles to begin from, so that the fuzzer need not find gzip and protobuf by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    good = cpu([(["leaf", ("inlined", "host"), "main"], 10), (["main"], 5)])
    good.message.drop_frames = good.string("le.*")
    for name, made in (("cpu", good), ("heap", heap()), ("contention", contention())):
        (folder / f"{name}.pb").write_bytes(made.plain())
        (folder / f"{name}.pb.gz").write_bytes(made.data())


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
