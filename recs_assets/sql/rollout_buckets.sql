-- The 60 bits fit INT64. The arm counts the buckets from 0 up, so that a larger share only adds people.
SELECT
  CAST(@experiment AS STRING) AS experiment,
  buckets.user_id,
  bucket,
  IF(bucket < @treated_buckets, 'treated', 'control') AS arm,
  @now AS first_assigned_at
FROM (
  SELECT user_id, MOD(CAST(CONCAT('0x', SUBSTR(TO_HEX(SHA256(CONCAT(@salt, ':', user_id))), 1, 15)) AS INT64), 10000) AS bucket
  FROM user_nodes
) AS buckets
LEFT JOIN (SELECT user_id FROM rollout_assignment WHERE experiment = @experiment) AS assigned
  ON assigned.user_id = buckets.user_id
WHERE assigned.user_id IS NULL
