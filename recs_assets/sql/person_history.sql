-- What a person did with parts as the lists knew it, the newest first.
SELECT event_ts, event_type, interaction_edges.product_id, title, returned_at
FROM interaction_edges
LEFT JOIN product_nodes ON product_nodes.product_id = interaction_edges.product_id
WHERE user_id = @user_id AND event_ts < @as_of
ORDER BY event_ts DESC, event_id
