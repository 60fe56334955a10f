-- The vehicles of some people as the lists knew them.
SELECT people.user_id, slot, year, make, model, engine, added_at
FROM people
JOIN owns_edges ON owns_edges.user_id = people.user_id
JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
WHERE added_at IS NULL OR added_at < @as_of
ORDER BY people.user_id, IFNULL(slot, 1000000000), vehicle_nodes.vehicle_id
