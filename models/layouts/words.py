"""Numbers of a few bits in 32-bit words, one after the other from the least bit on, across the ends of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fields(words: NDArray[np.uint32], bits: int) -> NDArray[np.uint8]:
    """Unpack words along the first axis.

    Parameters
    ----------
    words
        uint32 ``[n, columns]``, ``32 n`` a multiple of ``bits``.

    Returns
    -------
    uint8 ``[32 n / bits, columns]``: number ``i`` is bits ``i * bits ..`` of the words in a row.
    """
    at = np.arange(32 * len(words) // bits) * bits
    word, shift = at // 32, (at % 32).astype(np.uint64)[:, None]
    following = np.minimum(word + 1, len(words) - 1)
    both = words[word].astype(np.uint64) | words[following].astype(np.uint64) << np.uint64(32)
    return (both >> shift & np.uint64((1 << bits) - 1)).astype(np.uint8)
