WITH
copies AS (
  SELECT
    user_id, vehicle_id, slot, added_at,
    ROW_NUMBER() OVER (PARTITION BY user_id, vehicle_id, slot, added_at ORDER BY user_id) AS copy_number
  FROM ownership
),
-- People of whom the week does not know yet: what names one is not known yet either, and no fault.
later_users AS (
  SELECT DISTINCT user_id
  FROM users
  WHERE created_at >= @as_of AND created_at <= @now
),
judged AS (
  SELECT
    copies.*,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(copies.user_id, ' ', ''), '') = '' THEN 'empty user_id'
      WHEN REGEXP_CONTAINS(copies.user_id, '[\\x00]') THEN 'NUL character in user_id'
      WHEN IFNULL(REPLACE(copies.vehicle_id, ' ', ''), '') = '' THEN 'empty vehicle_id'
      WHEN REGEXP_CONTAINS(copies.vehicle_id, '[\\x00]') THEN 'NUL character in vehicle_id'
      WHEN added_at > @now THEN 'added_at in the future'
      WHEN added_at >= @as_of THEN 'outside window'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN vehicle_nodes.vehicle_id IS NULL THEN 'unknown vehicle_id'
      WHEN user_nodes.user_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM copies
  LEFT JOIN user_nodes ON user_nodes.user_id = copies.user_id
  LEFT JOIN later_users ON later_users.user_id = copies.user_id
  LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = copies.vehicle_id
),
-- A garage that is saved again writes its rows anew: the newest one has the slot, but the vehicle has stood there since the
-- earliest, and since ever where one row has no date.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY user_id, vehicle_id, row_fault IS NULL ORDER BY added_at DESC, slot DESC
    ) AS age_rank,
    MIN(added_at) OVER (PARTITION BY user_id, vehicle_id, row_fault IS NULL) AS earliest,
    MAX(IF(added_at IS NULL, 1, 0)) OVER (PARTITION BY user_id, vehicle_id, row_fault IS NULL) AS is_undated
  FROM judged
),
faults AS (
  SELECT
    *,
    IF(row_fault IS NULL AND age_rank > 1, 'repeated user_id and vehicle_id', row_fault) AS fault,
    IF(is_undated = 1, NULL, earliest) AS owned_since
  FROM ranked
)
SELECT
  user_id, vehicle_id, slot, added_at, owned_since, fault,
  CONCAT(IFNULL(user_id, ''), ' | ', IFNULL(vehicle_id, '')) AS row_key,
  IF(
    fault IS NULL OR fault IN ('exact duplicate', 'repeated user_id and vehicle_id', 'outside window'), NULL,
    TO_JSON_STRING(STRUCT(
      user_id AS user_id,
      vehicle_id AS vehicle_id,
      slot AS slot,
      FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', added_at) AS added_at
    ))
  ) AS row_json
FROM faults
