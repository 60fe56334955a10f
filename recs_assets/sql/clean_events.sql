WITH
-- Nothing older is read: neither the week's window nor any rule looks back so far.
rows_read AS (
  SELECT
    *,
    REGEXP_REPLACE(LOWER(event_type), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS kind,
    REGEXP_REPLACE(LOWER(user_id), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') IN UNNEST(@shared_user_ids)
      AS is_shared_id,
    form_fault IS NULL AND event_ts IS NOT NULL AND event_ts < @as_of AS is_delivery,
    -- More than anybody buys at once is no amount to add up.
    LEAST(GREATEST(IFNULL(quantity, 1), -1000000), 1000000) AS units
  FROM events_rows
  WHERE event_ts IS NULL OR event_ts >= @orders_start
),
-- Of the rows under one event_id the earliest is the event, then the one of more units, then by what it says.
deliveries AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY event_id, is_delivery
      ORDER BY event_ts, ABS(units) DESC, user_id, product_id, event_type, order_id, quantity
    ) AS delivery_number
  FROM rows_read
),
delivered_again AS (
  SELECT event_id
  FROM deliveries
  WHERE is_delivery AND delivery_number = 2
),
first_deliveries AS (
  SELECT deliveries.event_id, user_id, product_id, kind
  FROM deliveries
  JOIN delivered_again ON delivered_again.event_id = deliveries.event_id
  WHERE is_delivery AND delivery_number = 1
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
with_faults AS (
  SELECT
    deliveries.*,
    CASE
      WHEN event_ts >= @as_of AND event_ts <= @now THEN 'outside window'
      WHEN form_fault = 'empty user_id' THEN 'no user'
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN event_ts IS NULL THEN 'empty event_ts'
      WHEN event_ts > @now THEN 'event in the future'
      WHEN delivery_number > 1 AND (
        first_deliveries.user_id != deliveries.user_id OR first_deliveries.product_id != deliveries.product_id
        OR first_deliveries.kind IS DISTINCT FROM deliveries.kind
      ) THEN 'event_id of another event'
      WHEN delivery_number > 1 THEN 'repeated event_id'
      WHEN IFNULL(deliveries.kind NOT IN ('view', 'cart', 'order'), TRUE) THEN 'unknown event_type'
      WHEN deliveries.kind != 'view' AND quantity = 0 THEN 'quantity is 0'
      WHEN is_shared_id THEN 'account shared by many'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'part not sold'
      WHEN user_nodes.user_id IS NULL OR product_nodes.product_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM deliveries
  LEFT JOIN first_deliveries ON first_deliveries.event_id = deliveries.event_id
  LEFT JOIN user_nodes ON user_nodes.user_id = deliveries.user_id
  LEFT JOIN later_users ON later_users.user_id = deliveries.user_id
  LEFT JOIN later_products ON later_products.product_id = deliveries.product_id
  LEFT JOIN product_nodes ON product_nodes.product_id = deliveries.product_id
),
-- From here on an event_id names one row. Units count where something changes hands.
single_events AS (
  SELECT
    event_id, user_id, product_id, kind, event_ts, order_id,
    IF(kind = 'view', 1, units) AS units
  FROM with_faults
  WHERE row_fault IS NULL
),
-- The line of an order that two systems deliver, minutes apart and under two ids, is one purchase. The row of more units
-- stays, then that of the smaller event_id.
repeated_purchases AS (
  SELECT event_id
  FROM single_events
  WHERE kind = 'order' AND order_id IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY user_id, product_id, order_id, SIGN(units), DATE(event_ts) ORDER BY ABS(units) DESC, event_id
  ) > 1
),
-- Nobody does the same twice in a second; by the same rule.
repeated_moments AS (
  SELECT single_events.event_id
  FROM single_events
  LEFT JOIN repeated_purchases ON repeated_purchases.event_id = single_events.event_id
  WHERE repeated_purchases.event_id IS NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY user_id, product_id, kind, SIGN(units), FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', event_ts)
    ORDER BY ABS(units) DESC, single_events.event_id
  ) > 1
),
repetitions AS (
  SELECT event_id, 'repeated purchase' AS repetition FROM repeated_purchases
  UNION ALL
  SELECT event_id, 'repeated in the same second' FROM repeated_moments
),
distinct_events AS (
  SELECT single_events.*, DATE(event_ts) AS event_date
  FROM single_events
  LEFT JOIN repetitions ON repetitions.event_id = single_events.event_id
  WHERE repetition IS NULL
),
-- What is taken back is taken from a person's purchases of the part (or from the cart), unit by unit and the oldest first: a
-- purchase is returned once as much has come back as was bought up to it. A later return so changes nothing that was known
-- before it. Of a day's rows the purchases come first, for two systems may have two clocks.
moves AS (
  SELECT
    event_id, distinct_events.user_id, distinct_events.product_id, distinct_events.kind, event_ts, event_date, units,
    SUM(GREATEST(units, 0)) OVER (
      PARTITION BY distinct_events.user_id, distinct_events.product_id, distinct_events.kind
      ORDER BY event_date, SIGN(units) DESC, event_ts, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS n_bought,
    SUM(GREATEST(-units, 0)) OVER (
      PARTITION BY distinct_events.user_id, distinct_events.product_id, distinct_events.kind
      ORDER BY event_date, SIGN(units) DESC, event_ts, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS n_given_back
  FROM distinct_events
  JOIN (SELECT DISTINCT user_id, product_id, kind FROM distinct_events WHERE units < 0) AS pairs
    ON pairs.user_id = distinct_events.user_id AND pairs.product_id = distinct_events.product_id
    AND pairs.kind = distinct_events.kind
),
-- What came back beyond all that was bought until then was bought before the rows read, and takes nothing of what follows: in
-- doubt nobody is shown what they have.
balances AS (
  SELECT
    *,
    n_given_back - GREATEST(
      0,
      MAX(n_given_back - n_bought) OVER (
        PARTITION BY user_id, product_id, kind
        ORDER BY event_date, SIGN(units) DESC, event_ts, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      )
    ) AS n_taken_back
  FROM moves
),
returned_events AS (
  SELECT purchases.event_id, MIN(taken_back.event_ts) AS returned_at
  FROM balances AS purchases
  JOIN balances AS taken_back
    ON taken_back.user_id = purchases.user_id AND taken_back.product_id = purchases.product_id
    AND taken_back.kind = purchases.kind AND taken_back.n_taken_back >= purchases.n_bought
  WHERE purchases.units > 0 AND taken_back.units < 0
  GROUP BY purchases.event_id
),
user_weeks AS (
  SELECT user_id, CAST(DATE_TRUNC(event_date, WEEK(MONDAY)) AS DATE) AS week, COUNT(*) AS n_events
  FROM distinct_events
  WHERE event_ts >= @start
  GROUP BY user_id, week
),
bots AS (
  SELECT DISTINCT user_id
  FROM user_weeks
  WHERE n_events > @max_events_per_user_week
),
buyers AS (
  SELECT user_id, COUNT(*) AS n_orders, COUNT(DISTINCT product_id) AS n_parts
  FROM distinct_events
  WHERE event_ts >= @start AND kind = 'order' AND units > 0
  GROUP BY user_id
),
-- No person buys so large a share of a store's orders; a small store may have one customer who buys much of a few parts.
shared_accounts AS (
  SELECT user_id
  FROM (SELECT user_id, n_orders, n_parts, SUM(n_orders) OVER () AS n_all_orders FROM buyers) AS compared_buyers
  WHERE n_orders > @max_account_orders_share * n_all_orders AND n_parts > @max_account_parts
)
SELECT
  with_faults.* EXCEPT (event_type, kind, form_fault, is_shared_id, is_delivery, units, delivery_number, row_fault),
  IF(kind IN ('view', 'cart', 'order'), kind, event_type) AS event_type,
  returned_at,
  repetition IS NOT NULL OR IFNULL(row_fault IN ('exact duplicate', 'repeated event_id'), FALSE) AS is_repetition,
  CASE
    WHEN event_ts < @start THEN 'outside window'
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN repetition IS NOT NULL THEN repetition
    WHEN shared_accounts.user_id IS NOT NULL THEN 'account shared by many'
    WHEN bots.user_id IS NOT NULL THEN CONCAT('bot: over ', CAST(@max_events_per_user_week AS STRING), ' events in a week')
    WHEN units < 0 AND kind = 'order' THEN 'return'
    WHEN units < 0 AND kind = 'cart' THEN 'taken out of the cart'
  END AS fault
FROM with_faults
LEFT JOIN repetitions ON repetitions.event_id = with_faults.event_id AND row_fault IS NULL
LEFT JOIN returned_events ON returned_events.event_id = with_faults.event_id AND row_fault IS NULL
LEFT JOIN shared_accounts ON shared_accounts.user_id = with_faults.user_id
LEFT JOIN bots ON bots.user_id = with_faults.user_id
