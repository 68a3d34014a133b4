"""How much is known of the sizes that decide an item's routing, beside what is usual in its family.

In one plant all items state the same three dimensions; in another each family has numbers of its own: layers, wires, turns. So an item
is compared with its family: a size that hardly any item of the family has is not missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routing_etl.model.base.arrays import Bools, Floats, Ints

#: A size that fewer of its items have is none of a family.
_LEAST_USUAL = 0.1


@dataclass(frozen=True)
class KnownSizes:
    """What sizes tell of routings, and which of them the items of a family have.

    Attributes
    ----------
    worth : Floats
        Per measure, its share of what measures tell of routings; empty where they tell nothing.
    usual : Floats
        Families x measures, and last a row of all items: share of the training items whose size is known; 0 where it is a few.
    """

    worth: Floats
    usual: Floats

    @classmethod
    def of(cls, worth: Floats, known: Bools, family: Ints, n_families: int) -> KnownSizes:
        """From the training items.

        Parameters
        ----------
        worth : Floats
            Per measure; empty where measures tell nothing.
        known : Bools
            Items x measures, whether the size is known.
        family : Ints
            Family of every item, -1 unknown.
        n_families : int
            Number of families.
        """
        usual = np.zeros((n_families + 1, known.shape[1]), dtype=np.float32)
        for f in np.unique(family[family >= 0]):
            usual[f] = known[family == f].mean(axis=0)
        if len(known):
            usual[-1] = known.mean(axis=0)
        return cls(worth, np.where(usual < _LEAST_USUAL, np.float32(0.0), usual))

    def share(self, known: Bools, family: Ints) -> Floats | None:
        """Per item, how much is known of what the sizes of its family tell, 0 .. 1; NaN in a family without sizes.

        Parameters
        ----------
        known : Bools
            Items x measures, whether the size is known.
        family : Ints
            Family of every item, -1 unknown.

        Returns
        -------
        Floats or None
            None where sizes tell nothing of routings.
        """
        if not len(self.worth):
            return None
        weight = self.usual[family] * self.worth.astype(np.float64)
        whole = weight.sum(axis=1)
        told = np.divide(
            (known * weight).sum(axis=1), whole, out=np.full(len(known), np.nan), where=whole > 0
        )
        # Rounded: the last bit of a sum differs between one item and many, and would put them on two sides of a cut.
        rounded: Floats = np.round(told, 4).astype(np.float32)
        return rounded
