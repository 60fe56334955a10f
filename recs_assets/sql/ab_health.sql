WITH
people AS (
  SELECT
    user_id,
    COUNT(DISTINCT arm) AS n_arms,
    MIN(arm) AS arm,
    MIN(bucket) AS bucket,
    MOD(CAST(CONCAT('0x', SUBSTR(TO_HEX(SHA256(CONCAT(@salt, ':', user_id))), 1, 15)) AS INT64), 10000) AS expected_bucket
  FROM rollout_assignment
  WHERE experiment = @experiment
  GROUP BY user_id
)
SELECT
  COUNT(IF(arm = 'control', 1, NULL)) AS n_control,
  COUNT(IF(arm = 'treated', 1, NULL)) AS n_treated,
  COUNT(IF(n_arms > 1, 1, NULL)) AS n_in_two_arms,
  COUNT(IF(bucket != expected_bucket OR arm != IF(bucket < @treated_buckets, 'treated', 'control'), 1, NULL)) AS n_misplaced
FROM people
