SELECT event_id, user_id, product_id, event_type, event_ts, order_id, quantity
FROM classified
WHERE fault IS NULL
ORDER BY event_ts, event_id
