-- returned_at: when the whole of an order had been returned, or what lay in a cart taken out again.
SELECT event_id, user_id, product_id, event_type, event_ts, order_id, quantity, returned_at
FROM classified
WHERE fault IS NULL
ORDER BY event_ts, event_id
