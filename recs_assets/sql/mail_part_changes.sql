-- The parts whose number of mails changes most.
WITH
parts AS (
  SELECT
    product_id,
    COUNT(IF(moment = 'before', 1, NULL)) AS n_before,
    COUNT(IF(moment = 'now', 1, NULL)) AS n_now
  FROM mail_slots
  WHERE product_id IS NOT NULL
  GROUP BY product_id
)
SELECT product_id, n_before, n_now
FROM parts
WHERE n_before != n_now
ORDER BY ABS(n_now - n_before) DESC, product_id
LIMIT 20
