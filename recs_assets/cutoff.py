"""How long the part of a list is that decides: one K for alpha, the towers, gate 1, the ablation and the report."""

K = 10
RECALL = f"recall_at_{K}"
NLL = "nll"  # mean -log p of what was taken, over all candidates
