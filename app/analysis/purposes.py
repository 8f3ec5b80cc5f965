"""What library code is called for, by the names of its functions. For charges.py. Go only.

One call has one purpose: the first in PURPOSES that any of its frames has. So formatting for a log line is logging.
"""

import re
from functools import lru_cache
from typing import Final

PURPOSES: Final = {
    "regexp_compile": r"regexp\.(MustC|c|C)ompile|regexp\.(Match|MatchString|MatchReader)$|regexp/syntax\.",
    "timers": r"time\.(After|AfterFunc|NewTimer|NewTicker|Tick|newTimer|startTimer|\(\*Timer\)|\(\*Ticker\))\b",
    "logging": r"log[./]|.*(/|^)(zap|zapcore|zerolog|logrus|glog|klog|logx|logr|log|logger|logging|slog)(/v\d+)?\.",
    "regexp": r"regexp[./]|.*(/|^)(regexp2|go-re2)(/v\d+)?\.",
    "json_decoding": r"encoding/json.(Unmarshal|\(\*Decoder\)|\(\*decodeState\))",
    "json": r"encoding/json[./]|.*(json-iterator/|/sonic|easyjson|go-json|segmentio/encoding/json)",
    "encoding": r"encoding/(xml|gob|csv|asn1)\.|.*(/yaml|protobuf/|msgpack|/toml|/xml|/cbor)",
    "template_parse": r"text/template/parse\.|(text|html)/template\.(\(\*Template\)\.)?[Pp]arse",
    "template": r"(text|html)/template[./]",
    "compression": r"compress/|.*(klauspost/compress|/snappy|/zstd|/lz4|/brotli|/pgzip)",
    "cryptography": r"crypto/|hash/|.*(x/crypto/|/xxhash|/murmur|/blake|/highwayhash)",
    "sorting": r"sort\.|slices\.(Sort|pdq|insertion|heapSort|stable|symMerge|choosePivot|partition|median)",
    "formatting": r"fmt\.|strconv\.",
    "reflection": r"reflect\.|internal/reflectlite\.",
    "network": r"net[./]|bufio\.|mime[./]|.*(x/net/|google\.golang\.org/grpc|/gorilla/|valyala/fasthttp|quic-go)",
    "concatenation": r"runtime\.concatstring",
    "system_calls": r"os\.|syscall\.|internal/poll\.|internal/syscall|internal/runtime/syscall|x/sys/",
    "spinning": r"runtime\.(selectnb|Gosched|goschedImpl)|time\.Sleep$",
    "locking": r"(internal/)?sync\.\(\*(Mutex|RWMutex|Map|Cond|Once)\)|sync\.runtime_",
    "selecting": r"runtime\.selectgo",
    "channels": r"runtime\.(chan(recv|send)\d|closechan)",
    "hash_maps": r"runtime\.(map|aeshash|strhash|memhash)|internal/runtime/maps\.|aeshashbody",
    "allocation": r"runtime\.(mallocgc|newobject|makeslice|growslice|makemap|rawstring|rawbyteslice|slicebytetostring|"
    r"stringtoslice|makechan|convT|newarray|gcWriteBarrier|wbBuf)",
    "copying": r"runtime\.(memmove|typed(mem|slice)move|typedslicecopy|bulkBarrier|memclr|duff)|(bytes|slices)\.Clone",
}  # fmt: skip
COMPILED: Final = tuple((at, re.compile(pattern)) for at, pattern in enumerate(PURPOSES.values()))
NAMES: Final = tuple(PURPOSES)
NOTHING: Final = len(PURPOSES)

MEANS: Final = {  # the runtime's work, whatever it is done for
    "memory": r"runtime\.(mallocgc|newobject|makeslice|growslice|makemap|concatstring|rawstring|rawbyteslice|memclrHas|"
    r"gcBgMarkWorker|gcAssistAlloc|gcDrain|bgsweep|bgscavenge|sweepone|gcStart|wbBufFlush|gcMark)",
    "collector": r"runtime\.(gcBgMarkWorker|gcAssistAlloc|gcDrain|bgsweep|bgscavenge|sweepone|gcStart|"
    r"wbBufFlush|\(\*sweepLocked\)|scanobject|deductAssistCredit|gcMark)",
    "sweeping": r"runtime\.bgsweep",
    "allocating": r"runtime\.(mallocgc|newobject|makeslice|growslice|makemap|concatstring|rawstring|rawbyteslice)",
    "calling_kernel": r"(internal/runtime/)?syscall\.(Syscall|RawSyscall|syscall|rawSyscall)|runtime\.(write1|read)$",
    "scheduling": r"runtime\.(schedule|findRunnable|park_m|mcall|goschedImpl|wakep|startm|stopm|futex|ready|sysmon)",
    "running_timers": r"runtime\.\(\*timers?\)\.",
}  # fmt: skip
SIGNS: Final = tuple((name, re.compile(pattern)) for name, pattern in MEANS.items())
CALLS_BACK: Final = re.compile(r"(sort|slices|container/heap|strings|bytes|sync|maps|iter)\.")


@lru_cache(maxsize=1 << 16)
def purpose_of(name: str) -> int:
    """The index of a function's purpose in NAMES; NOTHING if it has none."""
    return next((at for at, pattern in COMPILED if pattern.match(name)), NOTHING)


@lru_cache(maxsize=1 << 16)
def means_of(name: str) -> tuple[str, ...]:
    """The work of the runtime that a function is part of."""
    return tuple(sign for sign, pattern in SIGNS if pattern.match(name))


@lru_cache(maxsize=1 << 16)
def calls_back(name: str) -> bool:
    """Whether it calls functions that its caller hands to it: what they cost is the caller's cost."""
    return bool(CALLS_BACK.match(name))
