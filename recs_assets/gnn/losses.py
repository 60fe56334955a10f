"""What training minimises: each loss takes scores of candidates laid out user by user, and the weight of each target.

Each of a user's n targets weighs 1 / sqrt(n), so that a wholesaler does not outvote everybody else, times the weight of its edge
(of the kind of event that made it). The softmax alone corrects sampled negatives for how often they are sampled, as it would
otherwise not estimate the softmax over all candidates; bce and bpr take the sample as it comes.
"""

import torch
from torch.nn import functional


def softmax_loss(
    scores: torch.Tensor,
    is_candidate: torch.Tensor,
    targets: torch.Tensor,
    log_q: torch.Tensor | None = None,
    total: torch.Tensor | None = None,
) -> torch.Tensor:
    """Softmax over each user's candidates: the weighted mean over targets of -log p(target | user).

    Over all candidates it is exact. Over sampled ones the log of their expected count is subtracted from the scores, so that
    what is sampled often is not pushed down for it (Bengio & Senecal 2008; Yi et al. 2019).

    Args:
        scores: [users x candidates].
        is_candidate: [users x candidates] bool, False on padding and on accidental hits.
        targets: [users x candidates] weight of the edge where the candidate is a target, else 0.
        log_q: [users x candidates] log of the expected number of times each is sampled, 0 for what is always there.
        total: as in all losses the weight of all targets, where these users are a share of them; ``None``: these are all.

    Returns:
        A scalar, these users' part of the loss; at least one target is expected among all.
    """
    corrected = scores if log_q is None else scores - log_q
    log_share = torch.log_softmax(corrected.masked_fill(~is_candidate, torch.finfo(scores.dtype).min), dim=1)
    weights = target_weights(targets)
    return -(weights * log_share).sum() / (weights.sum() if total is None else total)


def bce_loss(
    scores: torch.Tensor, is_candidate: torch.Tensor, targets: torch.Tensor, total: torch.Tensor | None = None
) -> torch.Tensor:
    """Binary cross-entropy: targets are pulled towards 1, the other candidates towards 0 (He et al. 2017).

    Per user: sum of w_t softplus(-s_t) over targets, plus the targets' total weight x the mean of softplus(s_c) over the others,
    so that both sides weigh the same.
    """
    weights = target_weights(targets)
    is_other = is_candidate & (targets == 0)
    own = (weights * functional.softplus(-scores)).sum(dim=1)
    others = (functional.softplus(scores) * is_other).sum(dim=1) / is_other.sum(dim=1).clamp(min=1)
    return (own + weights.sum(dim=1) * others).sum() / (weights.sum() if total is None else total)


def bpr_loss(
    scores: torch.Tensor, is_candidate: torch.Tensor, targets: torch.Tensor, total: torch.Tensor | None = None
) -> torch.Tensor:
    """Bayesian personalised ranking (Rendle et al. 2009): a target above each other candidate, -log sigmoid(s_t - s_c).

    The mean over the user's others, the weighted mean over targets.
    """
    weights = target_weights(targets)
    is_other = is_candidate & (targets == 0)
    row, column = torch.nonzero(weights, as_tuple=True)
    margins = scores[row, column][:, None] - scores[row]
    missed = (functional.softplus(-margins) * is_other[row]).sum(dim=1) / is_other[row].sum(dim=1).clamp(min=1)
    return (weights[row, column] * missed).sum() / (weights.sum() if total is None else total)


def target_weights(targets: torch.Tensor) -> torch.Tensor:
    """[users x candidates] each target's edge weight over the root of its user's number of targets."""
    n_targets = (targets > 0).sum(dim=1, keepdim=True)
    return targets / n_targets.clamp(min=1).sqrt()
