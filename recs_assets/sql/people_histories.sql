-- What some people did with parts as the lists knew it, the newest first.
SELECT people.user_id, event_ts, event_type, interaction_edges.product_id, title, part_type, returned_at
FROM people
JOIN interaction_edges ON interaction_edges.user_id = people.user_id
LEFT JOIN product_nodes ON product_nodes.product_id = interaction_edges.product_id
WHERE event_ts < @as_of
ORDER BY people.user_id, event_ts DESC, event_id
