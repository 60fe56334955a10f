WITH
-- The first purchase of a part is the one that counts: later events then never change what was known before them.
purchases AS (
  SELECT user_id, product_id, MIN(event_ts) AS bought_at
  FROM interaction_edges
  WHERE event_type = 'order'
  GROUP BY user_id, product_id
),
numbered AS (
  SELECT
    user_id, product_id, bought_at,
    ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY bought_at, product_id) AS number
  FROM purchases
),
-- A part pairs with the user's newest ones before it: a wholesaler's thousands would pair with everything, and a cap on the
-- newest ones of all would let later purchases take back what was known before them. Blocks of as many parts keep an engine
-- from comparing all with all.
blocks AS (
  SELECT user_id, product_id, bought_at, number, CAST(FLOOR(number / @max_parts_per_user) AS INT64) AS block
  FROM numbered
),
earlier_purchases AS (
  SELECT user_id, product_id, bought_at, number, block FROM blocks
  UNION ALL
  SELECT user_id, product_id, bought_at, number, block + 1 FROM blocks
),
user_pairs AS (
  SELECT
    later.user_id,
    LEAST(earlier.product_id, later.product_id) AS product_id_a,
    GREATEST(earlier.product_id, later.product_id) AS product_id_b,
    DATE(later.bought_at) AS paired_on
  FROM blocks AS later
  JOIN earlier_purchases AS earlier ON earlier.user_id = later.user_id AND earlier.block = later.block
  WHERE
    earlier.number < later.number
    AND later.number - earlier.number < @max_parts_per_user
    AND TIMESTAMP_DIFF(later.bought_at, earlier.bought_at, MICROSECOND) <= @window_days * 86400000000
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
