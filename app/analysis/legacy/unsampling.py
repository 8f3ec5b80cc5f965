"""What was allocated, estimated from the allocations that were sampled."""

from math import exp


def unsampled(count: int, size: int, rate: int) -> tuple[int, int]:
    """Count and bytes of all allocations, of which one in `rate` bytes was sampled.

    An allocation of S bytes is sampled with the probability 1-exp(-S/rate); see scaleHeapSample in the profile package
    of github.com/google/pprof, and AdjustSamples in jeprof. A rate of 1 or less means that nothing was left out.
    """
    if not count or not size:
        return 0, 0
    if rate <= 1:
        return count, size
    try:
        probability = 1 - exp(-(size / count) / rate)
    except OverflowError:  # numbers of different signs, which only a broken file has
        return 0, 0
    if not probability:
        return count, size
    return int(count * (1 / probability)), int(size * (1 / probability))
