"""The number formats of GGUF tensors: how many bytes a block of how many elements takes.

From ggml's `ggml.h` (ids) and `ggml-common.h` (block layouts), build 11549.  Ids that ggml removed (4, 5, 31 to 33, 36
to 38) are left out on purpose: no current build loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Format(NamedTuple):
    """A number format: `block` elements are stored in `size` bytes."""

    name: str
    block: int
    size: int

    def bytes(self, elements: int) -> int:
        """What whole blocks with this many elements take."""
        return -(-elements // self.block) * self.size


FORMATS: Mapping[int, Format] = MappingProxyType(
    {
        0: Format("f32", 1, 4),
        1: Format("f16", 1, 2),
        2: Format("q4_0", 32, 18),
        3: Format("q4_1", 32, 20),
        6: Format("q5_0", 32, 22),
        7: Format("q5_1", 32, 24),
        8: Format("q8_0", 32, 34),
        9: Format("q8_1", 32, 36),
        10: Format("q2_k", 256, 84),
        11: Format("q3_k", 256, 110),
        12: Format("q4_k", 256, 144),
        13: Format("q5_k", 256, 176),
        14: Format("q6_k", 256, 210),
        15: Format("q8_k", 256, 292),
        16: Format("iq2_xxs", 256, 66),
        17: Format("iq2_xs", 256, 74),
        18: Format("iq3_xxs", 256, 98),
        19: Format("iq1_s", 256, 50),
        20: Format("iq4_nl", 32, 18),
        21: Format("iq3_s", 256, 110),
        22: Format("iq2_s", 256, 82),
        23: Format("iq4_xs", 256, 136),
        24: Format("i8", 1, 1),
        25: Format("i16", 1, 2),
        26: Format("i32", 1, 4),
        27: Format("i64", 1, 8),
        28: Format("f64", 1, 8),
        29: Format("iq1_m", 256, 56),
        30: Format("bf16", 1, 2),
        34: Format("tq1_0", 256, 54),
        35: Format("tq2_0", 256, 66),
        39: Format("mxfp4", 32, 17),
        40: Format("nvfp4", 64, 36),
        41: Format("q1_0", 128, 18),
        42: Format("q2_0", 64, 18),
    }
)
"""By the id that stands in the file."""

BY_NAME: Mapping[str, Format] = MappingProxyType({format.name: format for format in FORMATS.values()})
"""By the name that llama.cpp's flags take."""
