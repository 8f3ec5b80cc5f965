"""Other profilers' files, converted: our table beside that of `go tool pprof`, for every sample type."""

from pathlib import Path

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import read
from tests.integration.test_top_against_pprof import Pprof, compare
from tests.unit.analysis.recorded import PROFILES

RECORDED = [
    (Format.JFR, "async-profiler-4.5-cpu-alloc-lock.jfr"),
    (Format.JFR, "async-profiler-4.5-wall-chunks.jfr"),
    (Format.JFR, "jdk-25.jfr"),
    (Format.OTLP, "async-profiler-4.5-cpu.otlp"),
    (Format.CPUPROFILE, "node-20.cpuprofile"),
    (Format.SPEEDSCOPE, "py-spy-0.4.3.speedscope"),
    (Format.SPEEDSCOPE, "memray-1.20.speedscope"),
    (Format.CHROME_TRACE, "py-spy-0.4.3.chrometrace"),
]


@pytest.mark.parametrize(("format", "name"), RECORDED, ids=[name for _, name in RECORDED])
def test_a_converted_file_has_the_table_that_pprof_prints(tmp_path: Path, format: Format, name: str) -> None:
    path = tmp_path / "converted.pprof"
    path.write_bytes(convert(format, PROFILES / name).data)
    for kind in read(path.read_bytes()).sample_types:
        assert compare(Pprof(tmp_path), path, kind.type, 10_000).total >= 0
