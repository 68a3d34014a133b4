"""Names for the arrays that the modules of the model hand to each other."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Real numbers, of single or double precision.
Floats: TypeAlias = NDArray[np.floating[Any]]
#: Row numbers, codes and counts.
Ints: TypeAlias = NDArray[np.int64]
#: Codes of a vocabulary, -1 for a value that it does not hold.
Codes: TypeAlias = NDArray[np.int32]
#: Masks.
Bools: TypeAlias = NDArray[np.bool_]
#: Bin numbers, and masks packed to bits.
Bytes: TypeAlias = NDArray[np.uint8]
