"""What every store of artifacts promises: a local directory, an S3 server, and one of Google's protocol.

`make matrix` takes versitygw for S3, and runs it over Azurite as well.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest

from app.config import file as shape
from app.config.settings import artifacts
from app.stores import Bucket, Directory, Store, store_of
from tests.lab import node, npm, tools
from tests.lab.azurite import Azurite
from tests.lab.gcs import Gcs
from tests.lab.s3 import S3

MEBIBYTE = 1 << 20
ROOT = Path(__file__).parents[2]
DIES = """
import os, sys
from pathlib import Path
from app.stores import Directory
with Directory(Path(sys.argv[1])).incoming("c2") as folder:
    (folder / "half").write_bytes(b"?")
    os.kill(os.getpid(), 9)
"""
DEAD = {"endpoint": "http://127.0.0.1:9", "region": "x", "access_key_id": "k"}


Server = S3 | Gcs | Azurite
SERVERS: dict[str, type[Server]] = {"s3": S3, "gs": Gcs, "az": Azurite}
REMOTE = [*SERVERS] if os.environ.get("EVERY_SHELL") else ["s3", "gs"]  # the other is some hundred packages of npm


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Gives the server of a kind, which is started for the first test that asks for it."""
    made: dict[str, Server] = {}
    with ExitStack() as ends:

        def start(kind: str) -> Server:
            if kind not in made:
                try:
                    made[kind] = SERVERS[kind](tmp_path_factory.mktemp(kind))
                except (tools.Unavailable, npm.Unavailable, node.Unavailable) as reason:
                    pytest.skip(f"the stores' contract did NOT run over {kind}: {reason}")
                ends.enter_context(made[kind].running())
            return made[kind]

        yield start


@pytest.fixture(params=REMOTE)
def server(request: pytest.FixtureRequest, running: Callable[[str], Server]) -> Server:
    return running(request.param)


def bucket_of(server: Server, spool: Path) -> Bucket:
    written = {"artifacts": f"{server.url}/{spool.name}", "object_store": server.options}
    said = shape.Storage.model_validate(written, context={"folder": spool})
    made = artifacts(said, spool)
    assert isinstance(made, Bucket)
    return made


@pytest.fixture(params=["directory", *REMOTE])
def store(request: pytest.FixtureRequest, running: Callable[[str], Server], tmp_path: Path) -> Store:
    if request.param == "directory":
        return Directory(tmp_path / "artifacts")
    return store_of(bucket_of(running(request.param), tmp_path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (file := tmp_path / "source").write_bytes(b"the profile")
    return file


def read(store: Store, key: str, *part: int | None) -> bytes:
    return b"".join(store.read(key, *part))


def test_a_file_comes_back_whole_and_in_parts(store: Store, source: Path) -> None:
    store.put("c1/cpu", source)
    assert read(store, "c1/cpu") == b"the profile"
    assert read(store, "c1/cpu", 4) == b"profile"
    assert read(store, "c1/cpu", 4, 7) == b"pro"
    assert read(store, "c1/cpu", 4, 4) == b""
    assert read(store, "c1/cpu", 4, 1000) == b"profile"
    with store.local("c1/cpu") as path:
        assert path.read_bytes() == b"the profile"
    assert source.read_bytes() == b"the profile"


def test_a_file_is_replaced_and_an_empty_one_is_a_file(store: Store, source: Path) -> None:
    store.put("c1/cpu", source)
    source.write_bytes(b"")
    store.put("c1/cpu", source)
    assert read(store, "c1/cpu") == b""


def test_a_large_file_comes_back_as_it_was(store: Store, source: Path) -> None:
    content = bytes(range(256)) * (20 * MEBIBYTE // 256)  # in three parts
    source.write_bytes(content)
    store.put("c1/trace", source)
    assert read(store, "c1/trace") == content
    assert read(store, "c1/trace", 9 * MEBIBYTE - 1, 17 * MEBIBYTE) == content[9 * MEBIBYTE - 1 : 17 * MEBIBYTE]


def test_what_is_not_there_is_said_so(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        read(store, "c1/cpu")
    with store.local("c1/cpu") as path:
        assert not path.exists()
    store.delete_all("c1")


@pytest.mark.parametrize("key", ["../c1", "c1/../../x"])
def test_a_key_that_leaves_the_store_is_refused(store: Store, source: Path, key: str) -> None:
    with pytest.raises((ValueError, OSError)):
        store.put(key, source)


def test_a_capture_is_deleted_whole_and_one_with_a_longer_name_stays(store: Store, source: Path) -> None:
    for key in ("c1/cpu", "c1/heap", "c10/cpu"):
        store.put(key, source)
    store.delete_all("c1")
    for key in ("c1/cpu", "c1/heap"):
        with pytest.raises(FileNotFoundError):
            read(store, key)
    assert read(store, "c10/cpu") == b"the profile"


def test_it_takes_files_and_the_proof_of_that_leaves_nothing(store: Store, source: Path) -> None:
    assert (store.refusal(), store.shortage()) == (None, None)
    assert store.free_bytes() > 0
    with store.incoming("c1") as folder:
        (folder / "half").write_bytes(b"?")
    assert not folder.exists()


def test_files_are_listed_in_the_order_of_their_keys_and_go_one_by_one(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("directory", "objects"):
        monkeypatch.setattr(f"app.stores.{module}.PAGE", 2, raising=False)
    before = store.time()
    for key in ("c1/cpu", "c1/heap", "c2/cpu"):
        store.put(key, source)
    store.set_mark(b"mine")
    pages = list(store.listed(""))
    assert [entry.key for page in pages for entry in page] == ["c1/cpu", "c1/heap", "c2/cpu"]
    assert len(pages) == 2
    whole_seconds = timedelta(seconds=1)
    assert all(before - whole_seconds <= entry.changed_at <= store.time() for page in pages for entry in page)
    assert [entry.key for page in store.listed("c1/cpu") for entry in page] == ["c1/heap", "c2/cpu"]
    store.discard(["c1/cpu", "c1/heap", "c3/gone"])
    assert [entry.key for page in store.listed("") for entry in page] == ["c2/cpu"]
    store.discard([])


def test_a_prefix_that_begins_another_one_has_nothing_of_it(server: Server, tmp_path: Path, source: Path) -> None:
    whole, part = (store_of(bucket_of(server, tmp_path / name)) for name in ("pro", "production"))
    for each in (whole, part):
        each.put("c1/cpu", source)
    part.set_mark(b"theirs")
    assert whole.mark() == b""
    assert [[entry.key for entry in page] for page in whole.listed("")] == [["c1/cpu"]]
    whole.delete_all("c1")
    whole.finish_deletions()
    assert read(part, "c1/cpu") == b"the profile"


def test_the_mark_of_a_store_is_kept_and_replaced(store: Store) -> None:
    assert store.mark() == b""
    for mark in (b"mine", b"yours"):
        store.set_mark(mark)
        assert store.mark() == mark
    store.sweep()
    assert store.mark() == b"yours"


# ---------------------------------------------------------------------- object stores


def test_a_deletion_that_was_interrupted_is_finished_by_the_next_start(
    server: Server, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bucket_of(server, tmp_path)
    store = store_of(place)
    store.put("c1/cpu", source)
    with monkeypatch.context() as patched:
        patched.setattr(obstore, "list", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.delete_all("c1")
    assert read(store, "c1/cpu") == b"the profile"

    store_of(place).sweep()

    assert not [key for key in server.stored() if tmp_path.name in key]


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_store_that_gives_back_other_bytes_has_not_stored_the_file(
    server: Server, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(bucket_of(server, tmp_path))
    monkeypatch.setattr(obstore, "get_range", lambda *_, **__: b"the pr0file")
    with pytest.raises(OSError, match="gives back another c1/cpu than it was sent"):
        store.put("c1/cpu", source)


def test_a_store_that_is_not_there_says_so_and_its_secret_is_not_told(tmp_path: Path, source: Path) -> None:
    place = Bucket(
        "s3://captures/team",
        tmp_path / "spool",
        DEAD,
    )
    (secret := tmp_path / "secret").write_text("hidden")
    store = store_of(replace(place, secrets={"secret_access_key": secret}))

    with pytest.raises(OSError, match="s3://captures/team") as refused:
        store.put("c1/cpu", source)

    said = store.refusal() or ""
    assert said.startswith("the object store s3://captures/team cannot be written: ")
    assert said.endswith("files stay on their hosts until it takes them")
    assert "hidden" not in f"{said}{refused.value}{store}"
    store.sweep()


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    place = Bucket("s3://captures", tmp_path / "spool", {}, {"secret_access_key": tmp_path / "none"})
    with pytest.raises(OSError, match="none cannot be read: No such file"):
        store_of(place)


# ---------------------------------------------------------------------- several services


def test_what_another_replica_is_bringing_home_is_left_alone_and_what_a_dead_one_left_goes(
    tmp_path: Path,
) -> None:
    alive = Directory(tmp_path / "artifacts")
    with alive.incoming("c1") as folder:
        (folder / "half").write_bytes(b"?")
        dead = subprocess.Popen([sys.executable, "-c", DIES, str(tmp_path / "artifacts")], cwd=ROOT)
        assert dead.wait(60) == -signal.SIGKILL
        assert len(list((tmp_path / "artifacts").rglob("half"))) == 2

        Directory(tmp_path / "artifacts").sweep()

        assert list((tmp_path / "artifacts").rglob("half")) == [folder / "half"]
