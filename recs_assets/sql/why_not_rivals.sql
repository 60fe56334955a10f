-- For each part that is asked about the listed parts that it would most often have had to beat.
WITH
rivals AS (
  SELECT product_id, rival_id, CAST(SUM(n_users) AS INT64) AS n_people
  FROM asked_pairs
  WHERE rival_id IS NOT NULL
  GROUP BY product_id, rival_id
)
SELECT product_id, rival_id, n_people
FROM rivals
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY product_id ORDER BY n_people DESC, rival_id) <= 3
ORDER BY product_id, n_people DESC, rival_id
