"""What an errand has counted, as text."""

from collections import Counter

from tests.crash.stage import Tally
from tests.crash.truth import Harm


def report(errand: str, tally: Tally, seed: int, seconds: float) -> str:
    title = f"{errand}: {tally.rounds} captures disturbed in {seconds:.0f} s, seed {seed}"
    title += f"\nthe longest took {tally.longest:.0f} s from its alert to its end"
    lines = [title, "", *(f"  {tally.harms[harm]:6d}  {harm.value}" for harm in Harm), ""]
    lines += ["how they ended", *_counted(tally.ends), "", "how they were disturbed", *_counted(tally.disturbed)]
    return "\n".join([*lines, "", *(f"· {story}" for story in tally.stories)])


def _counted(counter: Counter[str]) -> list[str]:
    return [f"  {count:6d}  {what}" for what, count in sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))]
