"""Where artifacts rest, as the keys `storage.artifacts` and `storage.object_store` say it."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from app.config.scalars import File, Text, valid_web_address
from app.stores.bucket import Bucket

AMAZON = re.compile(r"(?:.+\.)?amazonaws\.com(?:\.cn)?", re.IGNORECASE)
ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")  # of the environment; obstore reads them, too
CHECKSUM = {"checksum_algorithm": "sha256"}  # sent with each upload to S3
OWN = {  # the keys that belong to one kind of store, by their names in obstore
    "s3": {
        "region": "region",
        "access_key_id": "access_key_id",
        "secret_access_key_file": "secret_access_key",
    },
    "gs": {"service_account_file": "service_account_key"},
    "az": {"account_name": "account_name", "account_key_file": "account_key"},
}
BESIDE = {"s3": {"endpoint": "endpoint"}, "az": {"endpoint": "endpoint"}, "gs": {}}


class ObjectStore(BaseModel):
    """How the object store is reached. What is not said comes from the environment, or from the machine's role."""

    model_config = ConfigDict(extra="forbid", strict=True)

    endpoint: Annotated[str, AfterValidator(valid_web_address)] | None = None
    region: Text | None = None
    access_key_id: Text | None = None
    secret_access_key_file: File | None = None
    service_account_file: File | None = None
    account_name: Text | None = None
    account_key_file: File | None = None

    def said(self) -> Mapping[str, str | Path]:
        """The keys that are written."""
        return {key: value for key, value in self if value is not None}


def valid_place(text: str) -> str:
    """The path of a local directory, or the address of a part of an object store."""
    if not text:
        raise ValueError("is empty; write the path of a directory, or s3://bucket/prefix")
    if "://" not in text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in OWN:
        raise ValueError(
            f"{parts.scheme}:// is no store of artifacts; write the path of a directory, or s3://, gs://, az://"
        )
    if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"write the bucket and a prefix, as {parts.scheme}://bucket/prefix")
    if find_spec("obstore") is None:
        raise ValueError("an object store needs a library that is not installed here: pip install 'alertprof[s3]'")
    return text


def bucket(url: str, store: ObjectStore, spool: Path) -> Bucket:
    """The bucket that a valid address names. Raises ValueError for a key that is another kind of store's."""
    scheme = urlsplit(url).scheme
    names = {**OWN[scheme], **BESIDE[scheme]}
    said = store.said()
    if strange := sorted(set(said) - set(names)):
        raise ValueError(f"{strange[0]} does not belong to {scheme}://; leave it out, or correct storage.artifacts")
    options = {names[key]: value for key, value in said.items() if isinstance(value, str)}
    files = {names[key]: value for key, value in said.items() if isinstance(value, Path)}
    named = (options.get("endpoint"), *(os.environ.get(name) for name in ENDPOINTS))
    amazon = scheme == "s3" and all(AMAZON.fullmatch(urlsplit(each).hostname or "") for each in named if each)
    checked = CHECKSUM if scheme == "s3" else {}
    return Bucket(url.rstrip("/"), spool, {**checked, **options}, files, verifies=amazon)
