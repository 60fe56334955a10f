-- One row: how many people have a vehicle by then, and how many of them have none that any part fits which may be recommended.
WITH
served_vehicles AS (
  SELECT DISTINCT vehicle_id
  FROM fits_edges
  JOIN product_nodes ON product_nodes.product_id = fits_edges.product_id
  WHERE ineligible_reason IS NULL AND NOT IFNULL(is_universal, FALSE)
),
owners AS (
  SELECT user_id, COUNT(served_vehicles.vehicle_id) AS n_served
  FROM owns_edges
  LEFT JOIN served_vehicles ON served_vehicles.vehicle_id = owns_edges.vehicle_id
  WHERE added_at IS NULL OR added_at < @as_of
  GROUP BY user_id
)
SELECT
  COUNT(*) AS n_owners,
  COUNT(IF(n_served = 0, 1, NULL)) AS n_without,
  (SELECT COUNT(*) FROM fits_edges) > 0 AS has_fitment
FROM owners
