WITH
deliveries AS (
  SELECT
    *,
    -- The first delivery of an event counts; what comes later under its id is a repetition, whatever it says. Copies of
    -- one delivery rank the same, or the copy that is kept and the delivery that is kept could be two different rows.
    RANK() OVER (PARTITION BY event_id ORDER BY event_ts, content_rank) AS delivery_number
  FROM events_rows
),
-- Parts of which the week does not know yet: what names one is not known yet either, and no fault.
later_products AS (
  SELECT DISTINCT product_id
  FROM products
  WHERE created_at >= @as_of AND created_at <= @now
),
-- The same of people.
later_users AS (
  SELECT DISTINCT user_id
  FROM users
  WHERE created_at >= @as_of AND created_at <= @now
),
judged AS (
  SELECT
    deliveries.*,
    DATE(event_ts) AS event_date,
    CASE
      WHEN form_fault = 'empty user_id' AND event_type = 'view' THEN 'view without a user'
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN delivery_number > 1 THEN 'repeated event_id'
      WHEN event_ts IS NULL THEN 'empty event_ts'
      WHEN event_ts < TIMESTAMP '2000-01-01 00:00:00+00' THEN 'event before 2000'
      WHEN event_ts > @now THEN 'event in the future'
      WHEN event_ts < @start OR event_ts >= @as_of THEN 'outside window'
      WHEN IFNULL(event_type NOT IN ('view', 'cart', 'order'), TRUE) THEN 'unknown event_type'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'unknown product_id'
      WHEN user_nodes.user_id IS NULL OR product_nodes.product_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM deliveries
  LEFT JOIN user_nodes ON user_nodes.user_id = deliveries.user_id
  LEFT JOIN later_users ON later_users.user_id = deliveries.user_id
  LEFT JOIN later_products ON later_products.product_id = deliveries.product_id
  LEFT JOIN product_nodes ON product_nodes.product_id = deliveries.product_id
),
user_weeks AS (
  SELECT user_id, CAST(DATE_TRUNC(event_date, WEEK(MONDAY)) AS DATE) AS week, COUNT(*) AS n_events
  FROM judged
  WHERE row_fault IS NULL
  GROUP BY user_id, week
),
bots AS (
  SELECT DISTINCT user_id
  FROM user_weeks
  WHERE n_events > @max_events_per_user_week
)
SELECT
  judged.* EXCEPT (form_fault, content_rank, delivery_number, event_date, row_fault),
  CASE
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN bots.user_id IS NOT NULL THEN CONCAT('bot: over ', CAST(@max_events_per_user_week AS STRING), ' events in a week')
  END AS fault
FROM judged
LEFT JOIN bots ON bots.user_id = judged.user_id
