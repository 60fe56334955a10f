WITH
rows_read AS (
  SELECT *, REGEXP_REPLACE(LOWER(event_type), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS kind
  FROM email_events_rows
  WHERE event_ts IS NULL OR event_ts >= @orders_start
),
-- People of whom the week does not know yet: what names one is not known yet either, and no fault.
later_users AS (
  SELECT DISTINCT user_id
  FROM users
  WHERE created_at >= @as_of AND created_at <= @now
),
with_faults AS (
  SELECT
    rows_read.*,
    CASE
      WHEN event_ts >= @as_of AND event_ts <= @now THEN 'outside window'
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN event_ts IS NULL THEN 'empty event_ts'
      WHEN event_ts > @now THEN 'event in the future'
      WHEN IFNULL(kind NOT IN ('sent', 'delivered', 'opened', 'clicked', 'unsubscribed', 'complained'), TRUE)
        THEN 'unknown event_type'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN user_nodes.user_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM rows_read
  LEFT JOIN user_nodes ON user_nodes.user_id = rows_read.user_id
  LEFT JOIN later_users ON later_users.user_id = rows_read.user_id
),
mails AS (
  SELECT
    user_id,
    send_id,
    MIN(IF(kind = 'sent', event_ts, NULL)) AS sent_at,
    COUNT(IF(kind = 'delivered', 1, NULL)) > 0 AS is_delivered,
    COUNT(IF(kind = 'sent', product_id, NULL)) > 0 AS is_known_inside
  FROM with_faults
  WHERE row_fault IS NULL
  GROUP BY user_id, send_id
),
-- A row sent that names a part says what the mail held; a log that names none does not say.
contents AS (
  SELECT DISTINCT user_id, send_id, product_id
  FROM with_faults
  WHERE row_fault IS NULL AND kind = 'sent' AND product_id IS NOT NULL
)
SELECT
  with_faults.* EXCEPT (event_type, kind, form_fault, row_fault),
  IF(kind IN ('sent', 'delivered', 'opened', 'clicked', 'unsubscribed', 'complained'), kind, event_type) AS event_type,
  CASE
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN event_ts < sent_at THEN 'event before its send'
    WHEN kind IN ('opened', 'clicked') AND NOT is_delivered THEN 'opened or clicked without delivered'
    WHEN kind = 'clicked' AND is_known_inside AND with_faults.product_id IS NOT NULL AND contents.product_id IS NULL
      THEN 'click on a part that was not in the mail'
  END AS fault
FROM with_faults
LEFT JOIN mails ON mails.user_id = with_faults.user_id AND mails.send_id = with_faults.send_id
LEFT JOIN contents
  ON contents.user_id = with_faults.user_id
  AND contents.send_id = with_faults.send_id AND contents.product_id = with_faults.product_id
