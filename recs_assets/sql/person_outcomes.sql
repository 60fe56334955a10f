-- Parts that are asked about and on no list, with what became of them.
SELECT asked_pairs.product_id, outcome, title, price, ineligible_reason, rival_id, gap, asked_scores.score
FROM asked_pairs
JOIN product_nodes ON product_nodes.product_id = asked_pairs.product_id
LEFT JOIN asked_scores
  ON asked_scores.profile_id = asked_pairs.profile_id AND asked_scores.product_id = asked_pairs.product_id
WHERE outcome NOT IN ('in_slots', 'on_list')
ORDER BY IFNULL(asked_scores.score, -1000000000) DESC, asked_pairs.product_id, asked_pairs.profile_id
