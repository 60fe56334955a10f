"""The edge behind a listed part: its kind, and the part, the vehicle and the number of people that it names."""

from dataclasses import dataclass

import numpy as np

from recs_assets.ranking.arrays import Flags, Ints
from recs_assets.ranking.reasons import CODES


@dataclass(frozen=True)
class Edges:
    """An edge a row: positions in ``reasons.CODES``, numbers of a part and a vehicle, people; -1 where there is none."""

    code: Ints
    history: Ints
    vehicle: Ints
    count: Ints

    @staticmethod
    def none(n_rows: int) -> "Edges":
        """Rows without any edge."""
        return Edges(*(np.full(n_rows, -1, dtype=np.int64) for _ in range(4)))

    @staticmethod
    def where(mask: Flags, code: str, **columns: Ints) -> "Edges":
        """An edge of one kind where the mask says so, with some of its columns."""
        edges = Edges.none(len(mask))
        edges.code[mask] = CODES.index(code)
        for name, values in columns.items():
            getattr(edges, name)[mask] = values[mask]
        return edges

    def overlay(self, other: "Edges") -> None:
        """Replace the edges by those of the other where it has one."""
        rows = np.flatnonzero(other.code >= 0)
        self.put(rows, other.of(rows))

    def of(self, rows: Ints | Flags) -> "Edges":
        """The edges of some rows alone."""
        return Edges(self.code[rows], self.history[rows], self.vehicle[rows], self.count[rows])

    def put(self, rows: Ints, edges: "Edges") -> None:
        """Write the edges of some rows."""
        for name in ("code", "history", "vehicle", "count"):
            getattr(self, name)[rows] = getattr(edges, name)
