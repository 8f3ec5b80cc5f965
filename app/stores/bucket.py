"""Which object store, as the configuration says. It needs no library of object stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of an object store.

    url: s3://, gs:// or az:// with the bucket's name, and a prefix of every key
    spool: the local directory where files lie while they arrive
    options: by obstore's names
    secrets: files that hold the options that nobody else may read, by obstore's names
    verifies: whether the store compares what it receives with the checksum that is sent; otherwise it is read back
    """

    url: str
    spool: Path
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    verifies: bool = False
