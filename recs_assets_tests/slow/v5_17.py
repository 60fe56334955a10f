"""SQL v5.17's score of every part for one person."""

import numpy as np

from recs_assets_tests.slow.channels import models, owners
from recs_assets_tests.slow.world import DAY, Labels, Vector, World


class SqlBaseline:
    """Orders of the last year, asked about each garage anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        events = world.events
        recent = events.time >= world.as_of - world.settings.sql.lookback_days * DAY
        counted = (events.kind == "order") & recent & world.eligible[events.product]
        self._user, self._product = events.user[counted], events.product[counted]

    def scores(self, user: int) -> Vector:
        """[products] the score of the first tier whose minimum each part reaches."""
        tiers, n_products = self.world.settings.sql, len(self.world.products)
        model = self._best_orders(user, models(self.world), tiers.model_min_orders)
        make = self._best_orders(user, self.world.labels["make"], tiers.make_min_orders)
        everybody = np.bincount(self._product, minlength=n_products)
        score = tiers.global_weight * np.log(1 + everybody)
        score = np.where(make > 0, tiers.make_weight * np.log(1 + make), score)
        return np.where(model > 0, tiers.model_weight * np.log(1 + model), score)

    def _best_orders(self, user: int, labels: Labels, min_orders: int) -> Vector:
        """[products] orders by owners of one of the garage's labels, the most of any label; 0 below the minimum."""
        best = np.zeros(len(self.world.products))
        for label in {labels[vehicle] for vehicle in self.world.garage(user)} - {None}:
            by_owner = np.isin(self._user, owners(self.world, labels, label))
            n_orders = np.bincount(self._product[by_owner], minlength=len(best))
            best = np.maximum(best, np.where(n_orders >= min_orders, n_orders, 0))
        return best
