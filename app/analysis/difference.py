"""The total of a saved difference, which `go tool pprof -diff_base=BASE -proto` writes. For top.py and tree.py.

Its samples are those of a profile and, negated and labelled, those of its base. Shares are shares of the base, as
computeTotal in internal/report of github.com/google/pprof has it.
"""

from typing import Final

from app.analysis.packed_samples import LABEL, OF_SAMPLE, SAMPLE
from app.analysis.profile import Profile
from app.analysis.samples import KEY, OF_LABEL, TEXT
from app.analysis.wire import fields, message

BASE: Final = b"pprof::base"
IS_BASE: Final = b"true"


def base_total(profile: Profile, index: int) -> int:
    """The total of the base, without signs, for the sample type `index`; 0 if the profile is no difference."""
    keys = {at for at, text in enumerate(profile.texts) if text == BASE}
    if not keys:
        return 0
    true = {at for at, text in enumerate(profile.texts) if text == IS_BASE}

    def of_base(body: bytes) -> bool:
        labels = [fields(label, OF_LABEL) for label in fields(body, OF_SAMPLE)[LABEL]]
        return any(label[KEY] in keys and label[TEXT] in true for label in labels)

    bodies = fields(profile.plain, message(SAMPLE))[SAMPLE]
    samples = zip(profile.samples.values, bodies, strict=True)
    return sum(abs(values[index]) for values, body in samples if of_base(body))
