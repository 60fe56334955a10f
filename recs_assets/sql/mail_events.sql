SELECT user_id, send_id, event_type, event_ts, product_id
FROM classified
WHERE fault IS NULL
ORDER BY event_ts, user_id, send_id, event_type, product_id
