WITH
copies AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY event_id, user_id, product_id, event_type, event_ts, order_id, quantity ORDER BY event_id
    ) AS copy_number,
    -- The first delivery of an event counts; what comes later under its id is a repetition, whatever it says. Copies of
    -- one delivery rank the same, or the copy that is kept and the delivery that is kept could be two different rows.
    RANK() OVER (
      PARTITION BY event_id ORDER BY event_ts, user_id, product_id, event_type, order_id, quantity
    ) AS delivery_number
  FROM events
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
    copies.*,
    DATE(event_ts) AS event_date,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(event_id, ' ', ''), '') = '' THEN 'empty event_id'
      WHEN REGEXP_CONTAINS(event_id, '[\\x00]') THEN 'NUL character in event_id'
      WHEN delivery_number > 1 THEN 'repeated event_id'
      WHEN IFNULL(REPLACE(copies.user_id, ' ', ''), '') = '' THEN 'empty user_id'
      WHEN REGEXP_CONTAINS(copies.user_id, '[\\x00]') THEN 'NUL character in user_id'
      WHEN IFNULL(REPLACE(copies.product_id, ' ', ''), '') = '' THEN 'empty product_id'
      WHEN REGEXP_CONTAINS(copies.product_id, '[\\x00]') THEN 'NUL character in product_id'
      WHEN event_ts IS NULL THEN 'empty event_ts'
      WHEN event_ts < TIMESTAMP '2000-01-01 00:00:00+00' THEN 'event before 2000'
      WHEN event_ts > @now THEN 'event in the future'
      WHEN event_ts < @start OR event_ts >= @as_of THEN 'outside window'
      WHEN IFNULL(event_type NOT IN ('view', 'cart', 'order'), TRUE) THEN 'unknown event_type'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'unknown product_id'
      WHEN user_nodes.user_id IS NULL OR product_nodes.product_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM copies
  LEFT JOIN user_nodes ON user_nodes.user_id = copies.user_id
  LEFT JOIN later_users ON later_users.user_id = copies.user_id
  LEFT JOIN later_products ON later_products.product_id = copies.product_id
  LEFT JOIN product_nodes ON product_nodes.product_id = copies.product_id
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
),
faults AS (
  SELECT
    judged.*,
    CASE
      WHEN row_fault IS NOT NULL THEN row_fault
      WHEN bots.user_id IS NOT NULL
        THEN CONCAT('bot: over ', CAST(@max_events_per_user_week AS STRING), ' events in a week')
    END AS fault
  FROM judged
  LEFT JOIN bots ON bots.user_id = judged.user_id
)
SELECT
  event_id, user_id, product_id, event_type, event_ts, order_id, quantity, fault, event_id AS row_key,
  IF(fault IS NULL OR fault IN ('exact duplicate', 'repeated event_id', 'outside window'), NULL, TO_JSON_STRING(STRUCT(
    event_id AS event_id,
    user_id AS user_id,
    product_id AS product_id,
    event_type AS event_type,
    FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', event_ts) AS event_ts,
    order_id AS order_id,
    quantity AS quantity
  ))) AS row_json
FROM faults
