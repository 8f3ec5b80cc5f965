"""The total of a saved difference, which `go tool pprof -diff_base=BASE -proto` writes. For top.py and tree.py.

Its samples are those of a profile and, negated and labelled, those of its base. Shares are shares of the base, as
computeTotal in internal/report of github.com/google/pprof has it.
"""

from typing import Any, Final

from app.analysis.profile import Profile

KEY: Final = b"pprof::base"
VALUE: Final = b"true"


def base_total(profile: Profile, index: int) -> int:
    """The total of the base, without signs, for the sample type `index`; 0 if the profile is no difference."""
    texts = profile.message.string_table
    keys = {at for at, text in enumerate(texts) if text == KEY}
    if not keys:
        return 0
    values = {at for at, text in enumerate(texts) if text == VALUE}

    def of_base(sample: Any) -> bool:
        return any(label.key in keys and label.str in values for label in sample.label)

    return sum(abs(sample.value[index]) for sample in profile.message.sample if of_base(sample))
