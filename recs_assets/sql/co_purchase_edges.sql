WITH
-- The first purchase of a part is the one that counts: later events then never change what was known before them.
purchases AS (
  SELECT user_id, product_id, MIN(event_ts) AS bought_at
  FROM interaction_edges
  WHERE event_type = 'order'
  GROUP BY user_id, product_id
),
-- A wholesaler's thousands of parts would pair with everything.
newest_purchases AS (
  SELECT user_id, product_id, bought_at
  FROM purchases
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY bought_at DESC, product_id) <= @max_parts_per_user
),
user_pairs AS (
  SELECT
    one.user_id,
    one.product_id AS product_id_a,
    other.product_id AS product_id_b,
    DATE(GREATEST(one.bought_at, other.bought_at)) AS paired_on
  FROM newest_purchases AS one
  JOIN newest_purchases AS other ON other.user_id = one.user_id AND other.product_id > one.product_id
  WHERE ABS(TIMESTAMP_DIFF(one.bought_at, other.bought_at, MICROSECOND)) <= @window_days * 86400000000
),
pair_weeks AS (
  SELECT
    product_id_a, product_id_b, CAST(DATE_TRUNC(paired_on, WEEK(MONDAY)) AS DATE) AS week,
    COUNT(*) AS n_users
  FROM user_pairs
  GROUP BY product_id_a, product_id_b, week
)
SELECT product_id_a, product_id_b, week, n_users
FROM pair_weeks
WHERE TRUE
QUALIFY SUM(n_users) OVER (PARTITION BY product_id_a, product_id_b) >= @min_users
ORDER BY product_id_a, product_id_b, week
