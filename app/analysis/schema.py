"""The part of pprof's profile.proto that this package uses, declared at import without protoc and generated files.

Field numbers are those of github.com/google/pprof/proto/profile.proto. Fields that are not used are not declared, and
are preserved. stacks.py and legacy/builder.py write with it, merge.py changes with it what profile.py has checked.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

PACKAGE: Final = "perftools.profiles"

# message -> (field, number, type); "*" repeats (numbers are packed, as proto3 does), a capital letter is a message.
FIELDS: Final = {
    "ValueType": (("type", 1, "int64"), ("unit", 2, "int64")),
    "Label": (("key", 1, "int64"), ("str", 2, "int64"), ("num", 3, "int64"), ("num_unit", 4, "int64")),
    "Sample": (("location_id", 1, "*uint64"), ("value", 2, "*int64"), ("label", 3, "*Label")),
    "Mapping": (
        ("id", 1, "uint64"),
        ("memory_start", 2, "uint64"),
        ("memory_limit", 3, "uint64"),
        ("file_offset", 4, "uint64"),
        ("filename", 5, "int64"),
        ("build_id", 6, "int64"),
        ("has_functions", 7, "bool"),
        ("has_filenames", 8, "bool"),
        ("has_line_numbers", 9, "bool"),
    ),
    "Line": (("function_id", 1, "uint64"), ("line", 2, "int64")),
    "Location": (
        ("id", 1, "uint64"),
        ("mapping_id", 2, "uint64"),
        ("address", 3, "uint64"),
        ("line", 4, "*Line"),
    ),
    "Function": (
        ("id", 1, "uint64"),
        ("name", 2, "int64"),
        ("system_name", 3, "int64"),
        ("filename", 4, "int64"),
        ("start_line", 5, "int64"),
    ),
    "Profile": (
        ("sample_type", 1, "*ValueType"),
        ("sample", 2, "*Sample"),
        ("mapping", 3, "*Mapping"),
        ("location", 4, "*Location"),
        ("function", 5, "*Function"),
        # profile.proto says string, but one byte that is no UTF-8 would make the whole file unreadable.
        ("string_table", 6, "*bytes"),
        ("drop_frames", 7, "int64"),
        ("keep_frames", 8, "int64"),
        ("time_nanos", 9, "int64"),
        ("duration_nanos", 10, "int64"),
        ("period_type", 11, "ValueType"),
        ("period", 12, "int64"),
        ("default_sample_type", 14, "int64"),
    ),
}


# message -> its fields
Fields = Mapping[str, Sequence[tuple[str, int, str]]]


def message_class(package: str, fields: Fields, root: str) -> Any:
    """The class of the message `root`, for messages that are declared like FIELDS."""
    # a pool of our own: another library may have registered these names in the default one
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file(package, fields))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{root}"))


def _file(package: str, fields: Fields) -> descriptor_pb2.FileDescriptorProto:
    proto = descriptor_pb2.FileDescriptorProto(name=f"alertprof/{package}.proto", package=package, syntax="proto3")
    for message, declarations in fields.items():
        declared = proto.message_type.add(name=message)
        for name, number, spelled in declarations:
            _declare(declared.field.add(name=name, number=number), spelled, package)
    return proto


def _declare(field: descriptor_pb2.FieldDescriptorProto, spelled: str, package: str) -> None:
    repeated, kind = spelled.startswith("*"), spelled.lstrip("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
    else:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")


ProfileMessage: Final = message_class(PACKAGE, FIELDS, "Profile")


def parsed(plain: bytes) -> Any:
    """The message in these bytes. Raises ValueError for bytes that are none, MemoryError where memory is short."""
    try:
        return ProfileMessage.FromString(plain)
    except DecodeError as error:
        if "alloc" in str(error):  # upb's error for a failed allocation
            raise MemoryError from error
        raise ValueError(str(error)) from error
