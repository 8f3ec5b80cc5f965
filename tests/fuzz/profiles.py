"""atheris on what reads a stranger's profile and text: whatever the bytes are, a table, a tree or BadProfile.

`python -m tests.fuzz.profiles FOLDER -max_total_time=60`: libFuzzer's arguments; FOLDER keeps what led further.
"""

import contextlib
import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.analysis"]):
    from app.analysis.convert import READERS
    from app.analysis.names import bare, shown
    from app.analysis.profile import BadProfile, read
    from app.analysis.shapes import kind_of
    from app.analysis.stacks import Options
    from app.analysis.top import top
    from app.analysis.tree import tree
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
                assert tree(profile, sample_type).total == table.total
                for row in table.rows:
                    format_value(row.flat, table.unit, table.shown_in) + format_percent(row.cum_percent)
    for read_text in READERS.values():
        with contextlib.suppress(BadProfile):
            kind_of(read(read_text(io.BytesIO(data), Options(rate=100)).data(None)))
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
    (folder / "folded").write_bytes(b"main;leaf (a.py:1) 3\n")
    (folder / "perf-script").write_bytes(b"a 7/7 [0] 1.0: 5 cpu-clock:\n\t7f main+0x1 (a)\n\t7f [unknown] (/b)\n\n")


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
