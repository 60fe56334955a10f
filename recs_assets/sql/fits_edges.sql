SELECT product_id, node_id AS vehicle_id
FROM classified
WHERE fault IS NULL
ORDER BY product_id, vehicle_id
