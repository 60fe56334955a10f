WITH
copies AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY user_id, send_id, event_type, event_ts, product_id ORDER BY user_id
    ) AS copy_number
  FROM email_events
),
faults AS (
  SELECT
    *,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(user_id, ' ', ''), '') = '' THEN 'empty user_id'
      WHEN IFNULL(REPLACE(send_id, ' ', ''), '') = '' THEN 'empty send_id'
      WHEN event_ts IS NULL THEN 'empty event_ts'
      WHEN event_ts < TIMESTAMP '2000-01-01 00:00:00+00' THEN 'event before 2000'
      WHEN event_ts > @now THEN 'event in the future'
      WHEN event_ts < @start OR event_ts >= @as_of THEN 'outside window'
      WHEN IFNULL(event_type NOT IN ('sent', 'delivered', 'opened', 'clicked'), TRUE) THEN 'unknown event_type'
    END AS fault
  FROM copies
)
SELECT
  user_id, send_id, event_type, event_ts, product_id, fault,
  CONCAT(IFNULL(user_id, ''), ' | ', IFNULL(send_id, '')) AS row_key,
  IF(fault IS NULL OR fault IN ('exact duplicate', 'outside window'), NULL, TO_JSON_STRING(STRUCT(
    user_id AS user_id,
    send_id AS send_id,
    event_type AS event_type,
    FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', event_ts) AS event_ts,
    product_id AS product_id
  ))) AS row_json
FROM faults
