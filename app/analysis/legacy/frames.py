"""The functions of profilers themselves, which pprof leaves out of legacy profiles. Regular expressions of whole names.

The names are those of addLegacyFrameInfo in profile/legacy_profile.go of github.com/google/pprof.
"""

from typing import Final

C: Final = ["calloc", "cfree", "malloc", "free", "memalign", "valloc", "pvalloc", "realloc"]
TCMALLOC: Final = [
    "calloc",
    "cfree",
    "malloc",
    "free",
    "memalign",
    "posix_memalign",
    "pvalloc",
    "valloc",
    "realloc",
    "new",
    "delete",
]
TCMALLOC_ARRAYS: Final = ["newarray", "deletearray", "new_nothrow", "newarray_nothrow"]
ZONES: Final = ["malloc", "calloc", "valloc", "realloc", "memalign", "free"]

ALLOCATORS: Final = "|".join((
    *C, "do_memalign", "(__)?posix_memalign",
    "tcmalloc::.*", *(f"tc_{name}" for name in (*TCMALLOC, *TCMALLOC_ARRAYS)),
    *(f"malloc_zone_{name}" for name in ZONES),
    r"runtime\..*",
    "BaseArena::.*", "(::)?do_malloc_no_errno", "(::)?do_malloc_pages", "(::)?do_malloc", "DoSampledAllocation",
    "MallocedMemBlock::MallocedMemBlock", "_M_allocate", "__builtin_(vec_)?delete", "__builtin_(vec_)?new",
    "__gnu_cxx::new_allocator::allocate", "__libc_malloc", "__malloc_alloc_template::allocate", "allocate", "cpp_alloc",
    r"operator new(\[\])?", "simple_alloc::allocate",
))  # fmt: skip
ALLOCATORS_KEPT: Final = r"runtime\.panic|runtime\.reflectcall|runtime\.call[0-9]*"

SIGNAL_HANDLERS: Final = (
    "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|__pthread_sighandler|__restore"
)

MUTEXES: Final = ("AwaitCommon", "Unlock", "UnlockSlow", "ReaderUnlock")
SUBMITTED: Final = ("RecordLockProfileData", "SubmitMutexProfileData", "SubmitSpinLockProfileData")
LOCKS: Final = "|".join((
    "RecordLockProfileData",
    *(f"(base::)?{name}.*" for name in SUBMITTED),
    *(f"{space}Mutex::)?{name}.*" for space in ("(base::", "(") for name in MUTEXES),
    "(base::MutexLock::)?~MutexLock.*", "(MutexLock::)?~MutexLock.*",
    "(SpinLock::)?Unlock.*", "(SpinLock::)?SlowUnlock.*", "(SpinLockHolder::)?~SpinLockHolder.*",
))  # fmt: skip
