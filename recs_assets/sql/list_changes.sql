-- One row: how many people have a list in both weeks, and how many of these lists begin otherwise than before.
WITH
first_parts AS (
  SELECT user_id, rank, product_id
  FROM recommendations
  WHERE week = @week AND rank <= @slots
),
first_before AS (
  SELECT user_id, rank, product_id
  FROM recommendations
  WHERE week = CAST(@before AS DATE) AND rank <= @slots
),
lengths_before AS (
  SELECT user_id, COUNT(*) AS n_parts
  FROM first_before
  GROUP BY user_id
),
compared AS (
  SELECT
    first_parts.user_id,
    COUNT(*) AS n_parts,
    MIN(lengths_before.n_parts) AS n_parts_before,
    COUNT(IF(first_before.product_id = first_parts.product_id, 1, NULL)) AS n_same
  FROM first_parts
  JOIN lengths_before ON lengths_before.user_id = first_parts.user_id
  LEFT JOIN first_before ON first_before.user_id = first_parts.user_id AND first_before.rank = first_parts.rank
  GROUP BY first_parts.user_id
)
SELECT
  COUNT(*) AS n_compared,
  COUNT(IF(n_same < n_parts OR n_parts_before > n_parts, 1, NULL)) AS n_changed
FROM compared
