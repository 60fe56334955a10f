SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT event_id) AS n_keys,
  COUNT(IF(event_id IS NULL, 1, NULL)) AS n_null_event_id,
  COUNT(IF(user_id IS NULL, 1, NULL)) AS n_null_user_id,
  COUNT(IF(product_id IS NULL, 1, NULL)) AS n_null_product_id,
  COUNT(IF(event_type IS NULL, 1, NULL)) AS n_null_event_type,
  COUNT(IF(event_ts IS NULL, 1, NULL)) AS n_null_event_ts,
  COUNT(IF(order_id IS NULL, 1, NULL)) AS n_null_order_id,
  COUNT(IF(quantity IS NULL, 1, NULL)) AS n_null_quantity,
  MIN(event_ts) AS first_ts,
  MAX(event_ts) AS last_ts,
  COUNT(IF(event_ts >= @start AND event_ts < @as_of, 1, NULL)) AS events_in_window,
  COUNT(IF(event_ts >= @week_start AND event_ts < @as_of, 1, NULL)) AS events_in_week,
  COUNT(IF(event_ts < @week_start, 1, NULL)) AS events_before_week
FROM events
