SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT vehicle_id) AS n_keys,
  COUNT(IF(vehicle_id IS NULL, 1, NULL)) AS n_null_vehicle_id,
  COUNT(IF(year IS NULL, 1, NULL)) AS n_null_year,
  COUNT(IF(make IS NULL, 1, NULL)) AS n_null_make,
  COUNT(IF(model IS NULL, 1, NULL)) AS n_null_model,
  COUNT(IF(engine IS NULL, 1, NULL)) AS n_null_engine
FROM vehicles
