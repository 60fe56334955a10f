"""What training minimises."""

import torch


def softmax_loss(scores: torch.Tensor, is_candidate: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Exact softmax over each user's candidates: the weighted mean over targets of -log p(target | user).

    A user with n targets weighs 1 / sqrt(n) a target, so that a wholesaler does not outvote everybody else.

    Args:
        scores: [users x candidates].
        is_candidate: [users x candidates] bool, False on padding.
        targets: [users x candidates] 1.0 where the user took up the candidate, else 0.0.

    Returns:
        A scalar; at least one target is expected.
    """
    log_share = torch.log_softmax(scores.masked_fill(~is_candidate, torch.finfo(scores.dtype).min), dim=1)
    n_targets = targets.sum(dim=1, keepdim=True)
    weights = targets / n_targets.clamp(min=1).sqrt()
    return -(weights * log_share).sum() / weights.sum()
