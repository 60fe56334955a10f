-- One row an event that counts by what the mail has to do with it. An order is mailed where a mail of the 7 days before held the
-- part for that person, else organic; a click is a person's, as in ab_mails.
WITH
log AS (
  SELECT *
  FROM mail_events
  WHERE event_ts >= @pre_start AND event_ts < @end
),
parts_sent AS (
  SELECT user_id, product_id, event_ts
  FROM log
  WHERE event_type = 'sent' AND product_id IS NOT NULL
),
-- What was mailed in the 7 days before an order is known 7 days after the first mail of the log that says what it held.
known AS (
  SELECT MIN(event_ts) AS since
  FROM parts_sent
),
orders AS (
  SELECT user_id, product_id, event_ts
  FROM interaction_edges
  CROSS JOIN known
  WHERE event_type = 'order' AND TIMESTAMP_SUB(event_ts, INTERVAL 7 DAY) >= since AND event_ts < @end
),
mails AS (
  SELECT
    user_id,
    send_id,
    MIN(IF(event_type = 'delivered', event_ts, NULL)) AS delivered_at,
    MIN(IF(event_type = 'opened', event_ts, NULL)) AS opened_at
  FROM log
  GROUP BY user_id, send_id
)
SELECT
  IF(COUNT(parts_sent.user_id) = 0, 'organic', 'mailed') AS relevance,
  orders.user_id,
  orders.product_id,
  orders.event_ts
FROM orders
LEFT JOIN parts_sent
  ON parts_sent.user_id = orders.user_id AND parts_sent.product_id = orders.product_id
    AND parts_sent.event_ts <= orders.event_ts AND parts_sent.event_ts > TIMESTAMP_SUB(orders.event_ts, INTERVAL 7 DAY)
GROUP BY orders.user_id, orders.product_id, orders.event_ts
UNION ALL
SELECT 'click' AS relevance, log.user_id, log.product_id, log.event_ts
FROM log
INNER JOIN mails ON mails.user_id = log.user_id AND mails.send_id = log.send_id
WHERE log.event_type = 'clicked' AND log.product_id IS NOT NULL AND log.event_ts >= mails.opened_at
  AND TIMESTAMP_DIFF(log.event_ts, mails.delivered_at, MICROSECOND) >= @min_click_seconds * 1000000
