"""Two towers over the graph: a vector for every user and every part, whose dot product is added to the channels' score.

Users have no embedding of their own: a user is a garage, a history and a state. Parts have content (type, brand, words of the
title, price, popularity) and an id that is dropped for a share of the parts in training, so that a part that is new has a
vector too (DropoutNet, Volkovs et al. 2017).
"""

import torch
from torch import nn
from torch.nn import functional

from recs_assets.gnn.channels.gated_model import STATE_SIZE
from recs_assets.gnn.hashed_names import NO_TOKEN
from recs_assets.gnn.towers.attention import Attention, Mean
from recs_assets.gnn.towers.neighbours import RELATIONS, TowerInputs
from recs_assets.model_settings import TowersSettings

PRODUCT_FEATURES = 6
ENCODERS = {"gat": Attention, "mean": Mean}


class MessagePassing(nn.Module):
    """One step along every relation: a node's vector, transformed, plus a message from each kind of neighbour.

    A relation has an encoder of its own, as in a relational graph convolution (Schlichtkrull et al. 2018).

    Attributes:
        own: by kind of target, what a node's own vector is transformed by.
        heard: by relation, the encoder of the message.
    """

    def __init__(self, settings: TowersSettings, targets: tuple[str, ...]) -> None:
        super().__init__()
        encoder, size = ENCODERS[settings.encoder], settings.dimension
        self.own = nn.ModuleDict({kind: nn.Linear(size, size) for kind in targets})
        self.heard = nn.ModuleDict(
            {name: encoder(size, settings.heads) for name, (target, _) in RELATIONS.items() if target in targets}
        )

    def forward(self, nodes: dict[str, torch.Tensor], inputs: TowerInputs) -> dict[str, torch.Tensor]:
        """[nodes x dimension] by kind, from the same."""
        moved = {kind: own(nodes[kind]) for kind, own in self.own.items()}
        for name, encoder in self.heard.items():
            target, source = RELATIONS[name]
            if not len(nodes[source]):  # a store without vehicles
                continue
            moved[target] = moved[target] + encoder(nodes[source], nodes[target], inputs.relations[name])
        return moved


class TwoTowers(nn.Module):
    """The heterogeneous encoder. Before training every dot product is zero, so that the towers start by adding nothing.

    Attributes:
        names: [buckets x dimension] embedding of hashed names, parts' ids among them.
        hops: one or two steps along the relations.
    """

    def __init__(self, settings: TowersSettings) -> None:
        super().__init__()
        size = settings.dimension
        self.settings = settings
        self.names = nn.Embedding(settings.hash_buckets, size)
        nn.init.normal_(self.names.weight, std=size**-0.5)
        self.user_state = nn.Linear(STATE_SIZE, size)
        self.product_features = nn.Linear(PRODUCT_FEATURES, size)
        everything, towers = ("user", "product", "vehicle"), ("user", "product")
        targets_by_hop = [everything] * (settings.hops - 1) + [towers]
        self.hops = nn.ModuleList([MessagePassing(settings, targets) for targets in targets_by_hop])
        self.user_out = nn.Linear(size, size, bias=False)
        nn.init.zeros_(self.user_out.weight)

    def forward(self, inputs: TowerInputs, drop: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors of users and products.

        Args:
            inputs: a snapshot around some users.
            drop: bool [products] whose id is hidden; ``None`` hides none.

        Returns:
            [users x dimension] and [products x dimension], float32.
        """
        nodes = {
            "user": self.user_state(inputs.user_state),
            "product": self.product_features(inputs.product_features) + self._named(inputs.product_tokens, drop),
            "vehicle": self._named(inputs.vehicle_tokens, None),
        }
        for number, hop in enumerate(self.hops):
            nodes = hop({kind: functional.elu(values) if number else values for kind, values in nodes.items()}, inputs)
        return self.user_out(functional.elu(nodes["user"])).float(), functional.elu(nodes["product"]).float()

    def _named(self, tokens: torch.Tensor, drop: torch.Tensor | None) -> torch.Tensor:
        """[nodes x dimension] sum of the embeddings of a node's n hashed names, over the root of n."""
        known = tokens != NO_TOKEN
        if drop is not None:
            # The id is a part's first name.
            known = known & ~functional.pad(drop[:, None], (0, tokens.shape[1] - 1))
        share = known / known.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
        buckets = torch.where(known, tokens % self.settings.hash_buckets, 0)
        return functional.embedding_bag(buckets, self.names.weight, per_sample_weights=share, mode="sum")
