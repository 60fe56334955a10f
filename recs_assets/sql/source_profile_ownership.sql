SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT CONCAT(user_id, '|', vehicle_id)) AS n_keys,
  COUNT(IF(user_id IS NULL, 1, NULL)) AS n_null_user_id,
  COUNT(IF(vehicle_id IS NULL, 1, NULL)) AS n_null_vehicle_id,
  COUNT(IF(slot IS NULL, 1, NULL)) AS n_null_slot,
  COUNT(IF(added_at IS NULL, 1, NULL)) AS n_null_added_at,
  MIN(added_at) AS first_ts,
  MAX(added_at) AS last_ts
FROM ownership
