-- Orders that nothing is learned from, older than the window or of rows that are left out, and that are no reason to recommend
-- what somebody has bought all the same. What repeats another order is none.
SELECT DISTINCT classified.user_id, classified.product_id, event_ts, returned_at
FROM classified
JOIN user_nodes ON user_nodes.user_id = classified.user_id
JOIN product_nodes ON product_nodes.product_id = classified.product_id
WHERE
  fault IS NOT NULL AND NOT is_repetition AND event_type = 'order' AND IFNULL(quantity, 1) > 0
  AND event_ts >= @orders_start AND event_ts < @as_of
ORDER BY user_id, product_id, event_ts, returned_at
