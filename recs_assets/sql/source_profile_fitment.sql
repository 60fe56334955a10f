SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT CONCAT(product_id, '|', vehicle_id)) AS n_keys,
  COUNT(IF(product_id IS NULL, 1, NULL)) AS n_null_product_id,
  COUNT(IF(vehicle_id IS NULL, 1, NULL)) AS n_null_vehicle_id
FROM fitment
