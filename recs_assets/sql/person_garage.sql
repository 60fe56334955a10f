-- The vehicles of a person as the lists knew them.
SELECT slot, year, make, model, engine, added_at
FROM owns_edges
JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
WHERE user_id = @user_id AND (added_at IS NULL OR added_at < @as_of)
ORDER BY IFNULL(slot, 1000000000), vehicle_nodes.vehicle_id
