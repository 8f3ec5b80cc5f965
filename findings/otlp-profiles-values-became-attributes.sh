#!/bin/sh
# Between opentelemetry-proto 1.41.0 and 1.45.2 (Python; the protocol's 1.9 and 1.10) the fields of a profile's Sample were
# renumbered although the package's name, v1development, and the message's fields are the same: `values` went from 2 to
# 4, and 2 is `attribute_indices` now. Both are lists of integers, so a profile of the former version is parsed by the
# latter without an error or an unknown field: its samples have no values, and attributes that nobody gave them.
#
# Seen: written by 1.41.0: values [7] attributes []
#       read by 1.45.2:    values [] attributes [7] unknown 0
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for version in 1.41.0 1.45.2; do
    python3 -m venv "$dir/$version"
    "$dir/$version/bin/pip" -q --disable-pip-version-check install "opentelemetry-proto==$version" protobuf==6.33.0
done
cat >"$dir/write.py" <<'PYTHON'
import sys

from opentelemetry.proto.profiles.v1development.profiles_pb2 import Sample

sample = Sample(stack_index=1, values=[7])
open(sys.argv[1], "wb").write(sample.SerializeToString())
print("values", list(sample.values), "attributes", list(sample.attribute_indices))
PYTHON
cat >"$dir/read.py" <<'PYTHON'
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.profiles.v1development.profiles_pb2 import Sample

sample = Sample.FromString(open(sys.argv[1], "rb").read())
unknown = len(UnknownFieldSet(sample))
print("values", list(sample.values), "attributes", list(sample.attribute_indices), "unknown", unknown)
PYTHON
written=$("$dir/1.41.0/bin/python" "$dir/write.py" "$dir/sample")
read=$("$dir/1.45.2/bin/python" "$dir/read.py" "$dir/sample")
echo "written by 1.41.0: $written"
echo "read by 1.45.2:    $read"
[ "$written" = "values [7] attributes []" ] && [ "$read" = "values [] attributes [7] unknown 0" ]
