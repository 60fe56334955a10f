-- A row a part in a list of the week or of the one before, with how many lists it is in, and how many it begins.
WITH
listed AS (
  SELECT product_id, COUNT(*) AS n_lists, COUNT(IF(rank <= @slots, 1, NULL)) AS n_first
  FROM recommendations
  WHERE week = @week
  GROUP BY product_id
),
listed_before AS (
  SELECT product_id, COUNT(*) AS n_lists, COUNT(IF(rank <= @slots, 1, NULL)) AS n_first
  FROM recommendations
  WHERE week = CAST(@before AS DATE)
  GROUP BY product_id
),
shown AS (
  SELECT product_id FROM listed
  UNION DISTINCT
  SELECT product_id FROM listed_before
)
SELECT
  shown.product_id, part_type, price,
  IFNULL(listed.n_lists, 0) AS n_lists,
  IFNULL(listed.n_first, 0) AS n_first,
  IFNULL(listed_before.n_lists, 0) AS n_lists_before,
  IFNULL(listed_before.n_first, 0) AS n_first_before
FROM shown
LEFT JOIN listed ON listed.product_id = shown.product_id
LEFT JOIN listed_before ON listed_before.product_id = shown.product_id
LEFT JOIN product_nodes ON product_nodes.product_id = shown.product_id
ORDER BY shown.product_id
