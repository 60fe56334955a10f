SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT user_id) AS n_keys,
  COUNT(IF(user_id IS NULL, 1, NULL)) AS n_null_user_id,
  COUNT(IF(email IS NULL, 1, NULL)) AS n_null_email,
  COUNT(IF(email_consent IS NULL, 1, NULL)) AS n_null_email_consent,
  COUNT(IF(created_at IS NULL, 1, NULL)) AS n_null_created_at,
  MIN(created_at) AS first_ts,
  MAX(created_at) AS last_ts
FROM users
