"""A C++ service that serves gperftools' profiles over HTTP: the names of its code come home with the addresses."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.analysis.isolate import top_of
from app.captures.artifacts import prepared
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.model import Kind
from app.profilers.http_pprof import HttpPprof
from tests.integration.test_http_pprof import capture, collected, judged
from tests.lab import ports
from tests.lab.process import Process
from tests.lab.sshd import Sshd

SERVES = """
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
extern "C" int ProfilerStart(const char*);
extern "C" void ProfilerStop();
namespace orders {
__attribute__((noinline)) long checksum(long times) {
  volatile long sum = 0;
  for (long n = 0; n < times; n++) sum = sum + n;
  return sum;
}
}
static std::string profile(int seconds, const char* file) {
  ProfilerStart(file);
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < until) orders::checksum(100000);
  ProfilerStop();
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
int main(int, char** argv) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET; at.sin_port = htons(atoi(argv[1])); at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) || listen(listener, 16)) return 1;
  puts("READY"); fflush(stdout);
  for (;;) {
    int line = accept(listener, nullptr, nullptr);
    char asked[2000] = {};
    read(line, asked, sizeof asked - 1);
    const char* wanted = strstr(asked, "/pprof/profile?seconds=");
    std::string body = wanted ? profile(atoi(wanted + 23), argv[2]) : "";
    std::string head = std::string("HTTP/1.1 ") + (wanted ? "200 OK" : "404 Not Found") +
      "\\r\\nConnection: close\\r\\nContent-Length: " + std::to_string(body.size()) + "\\r\\n\\r\\n";
    send(line, head.data(), head.size(), MSG_NOSIGNAL); send(line, body.data(), body.size(), MSG_NOSIGNAL);
    close(line);
  }
}
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[int, HttpPprof]]:
    """The pid of the service, and the profiler that a rule would name for it."""
    there = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    library = next((line.split()[-1] for line in there.splitlines() if "libprofiler.so.0" in line), "")
    if not library or not shutil.which("g++"):
        pytest.skip(
            "gperftools over HTTP is NOT tested: there is no libprofiler or g++ (Debian's libgoogle-perftools4)"
        )
    (tmp_path / "orders.cpp").write_text(SERVES)
    words = ["g++", "-O1", "-o", str(tmp_path / "orders"), str(tmp_path / "orders.cpp"), "-Wl,--no-as-needed", library]
    subprocess.run(words, check=True, timeout=100)
    port = ports.free()
    process = Process([str(tmp_path / "orders"), str(port), str(tmp_path / "cpu.prof")], tmp_path / "orders.log")
    try:
        process.until(lambda: "READY" in process.log.read_text(), "the C++ service is ready")
        yield process.pid, HttpPprof(ports=(port,), path="/pprof")
    finally:
        process.kill9()


def test_a_profile_of_addresses_that_came_over_http_has_names(service: tuple[int, HttpPprof], tmp_path: Path) -> None:
    pid, profiler = service
    with Sshd(tmp_path / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()), profiler.recipes())
        assert judged(pool, pid, profiler) == "http-pprof"
        of = capture(pool, pid, seconds=2, profiler=profiler)
        files, _ = collected(pool, of, tmp_path / "home", profiler)
        pool.close()
    (cpu,) = files.values()
    assert (cpu.kind, cpu.fault) == (Kind.CPU, "")
    assert "[orders]" in {row.function for row in top_of(cpu.path).rows}, "the file as it was served has no names"
    named, plain = prepared(of, [cpu])
    assert (named.kind, plain.kind, plain.path) == (Kind.CPU, Kind.OTHER, cpu.path)
    assert top_of(named.path).rows[0].function == "orders::checksum"
