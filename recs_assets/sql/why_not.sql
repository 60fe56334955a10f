-- For each part that is asked about and each thing that became of it: how many people that is, and how far from the cut it was.
SELECT
  product_id, outcome,
  CAST(SUM(n_users) AS INT64) AS n_people,
  MIN(gap) AS nearest_gap,
  SUM(gap * n_users) / NULLIF(SUM(IF(gap IS NULL, 0, n_users)), 0) AS mean_gap
FROM asked_pairs
GROUP BY product_id, outcome
ORDER BY product_id, outcome
