WITH
orders AS (
  SELECT
    user_id, product_id, event_ts AS bought_at, returned_at,
    ROW_NUMBER() OVER (PARTITION BY user_id, product_id ORDER BY event_ts, event_id) AS order_number,
    LAG(returned_at) OVER (PARTITION BY user_id, product_id ORDER BY event_ts, event_id) AS returned_before
  FROM interaction_edges
  WHERE event_type = 'order'
),
-- The first purchase of a part is the one that counts: later events then never change what was known before them. Once it is
-- returned the next one counts, from then on.
purchases AS (
  SELECT
    user_id, product_id, bought_at, returned_at,
    IF(returned_before > bought_at, returned_before, bought_at) AS known_at
  FROM orders
  WHERE order_number = 1 OR returned_before IS NOT NULL
),
numbered AS (
  SELECT
    user_id, product_id, bought_at, returned_at, known_at,
    ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY known_at, product_id) AS number
  FROM purchases
  WHERE returned_at IS NULL OR returned_at > known_at
),
-- A part pairs with the user's newest ones before it: a wholesaler's thousands would pair with everything, and a cap on the
-- newest ones of all would let later purchases take back what was known before them. Blocks of as many parts keep an engine
-- from comparing all with all.
blocks AS (
  SELECT
    user_id, product_id, bought_at, returned_at, known_at, number,
    CAST(FLOOR(number / @max_parts_per_user) AS INT64) AS block
  FROM numbered
),
earlier_purchases AS (
  SELECT user_id, product_id, bought_at, returned_at, number, block FROM blocks
  UNION ALL
  SELECT user_id, product_id, bought_at, returned_at, number, block + 1 FROM blocks
),
user_pairs AS (
  SELECT
    later.user_id,
    LEAST(earlier.product_id, later.product_id) AS product_id_a,
    GREATEST(earlier.product_id, later.product_id) AS product_id_b,
    DATE(later.known_at) AS paired_on,
    IF(
      later.returned_at IS NULL OR earlier.returned_at < later.returned_at, earlier.returned_at, later.returned_at
    ) AS returned_at
  FROM blocks AS later
  JOIN earlier_purchases AS earlier ON earlier.user_id = later.user_id AND earlier.block = later.block
  WHERE
    earlier.number < later.number
    AND later.number - earlier.number < @max_parts_per_user
    AND earlier.product_id != later.product_id
    AND ABS(TIMESTAMP_DIFF(later.bought_at, earlier.bought_at, MICROSECOND)) <= @window_days * 86400000000
    AND (earlier.returned_at IS NULL OR earlier.returned_at > later.known_at)
),
pair_weeks AS (
  SELECT
    product_id_a, product_id_b, CAST(DATE_TRUNC(paired_on, WEEK(MONDAY)) AS DATE) AS week, returned_at,
    COUNT(*) AS n_users
  FROM user_pairs
  GROUP BY product_id_a, product_id_b, week, returned_at
)
-- returned_at: when these people no longer had bought both.
SELECT product_id_a, product_id_b, week, n_users, returned_at
FROM pair_weeks
WHERE TRUE
QUALIFY SUM(n_users) OVER (PARTITION BY product_id_a, product_id_b) >= @min_users
ORDER BY product_id_a, product_id_b, week, returned_at
