WITH
first_new AS (
  SELECT user_id, product_id
  FROM staged
  WHERE rank <= @slots
),
first_before AS (
  SELECT DISTINCT user_id, product_id
  FROM recommendations
  WHERE week = CAST(@before AS DATE) AND rank <= @slots
),
served_before AS (
  SELECT DISTINCT user_id
  FROM first_before
)
SELECT
  COUNT(*) AS n_new,
  COUNT(first_before.product_id) AS n_kept
FROM first_new
JOIN served_before ON served_before.user_id = first_new.user_id
LEFT JOIN first_before
  ON first_before.user_id = first_new.user_id
  AND first_before.product_id = first_new.product_id
