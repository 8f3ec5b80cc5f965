"""The JSON Schema of the configuration file, for editors: `alertprof check-config --schema`."""

import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from app.config.descriptions import DESCRIPTIONS
from app.config.fault_sentences import block_in
from app.config.file import Whole
from app.plugins import kind_of
from app.profilers.base import ProfilerSpec
from app.web import durations

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class AsWritten(GenerateJsonSchema):
    """Defaults as one writes them in the file."""

    def encode_default(self, dft: Any) -> Any:
        """`10m` for a duration, the kind for a plug-in."""
        if isinstance(dft, timedelta):
            return durations.say(dft)
        return kind_of(dft) if isinstance(dft, ProfilerSpec) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """The schema, with what DESCRIPTIONS says of each key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # defaults that are no JSON: encode_default writes them
        made = Whole.model_json_schema(schema_generator=AsWritten)
    for name, block in blocks(Whole):
        there = made if block is Whole else made["$defs"][block.__name__]
        there.pop("description", None)
        for key, said in there["properties"].items():
            said["description"] = DESCRIPTIONS.get(f"{name}.{key}".removeprefix("."), "")
    return {"$schema": DIALECT, **made, "title": "The configuration of alertprof"}


def blocks(model: type[BaseModel], name: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every block of the file below this one, itself first, with its name: `storage.retention`, `rules[]`."""
    yield name, model
    for key, info in model.model_fields.items():
        if inner := block_in(info.annotation):
            several = "[]" if "list" in str(info.annotation) else ""
            yield from blocks(inner, f"{name}.{key}{several}".removeprefix("."))
