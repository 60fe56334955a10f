SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT send_id) AS n_keys,
  COUNT(IF(user_id IS NULL, 1, NULL)) AS n_null_user_id,
  COUNT(IF(send_id IS NULL, 1, NULL)) AS n_null_send_id,
  COUNT(IF(event_type IS NULL, 1, NULL)) AS n_null_event_type,
  COUNT(IF(event_ts IS NULL, 1, NULL)) AS n_null_event_ts,
  COUNT(IF(product_id IS NULL, 1, NULL)) AS n_null_product_id,
  MIN(event_ts) AS first_ts,
  MAX(event_ts) AS last_ts
FROM email_events
