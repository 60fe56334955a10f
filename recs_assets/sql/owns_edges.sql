SELECT user_id, node_id AS vehicle_id, slot, owned_since AS added_at
FROM classified
WHERE fault IS NULL
ORDER BY user_id, vehicle_id
