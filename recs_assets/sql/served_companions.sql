WITH
-- Who bought the first part of a planted pair in the last 30 days, and not yet the other.
waiting AS (
  SELECT DISTINCT interaction_edges.user_id, companions.companion_id
  FROM interaction_edges
  JOIN companions ON companions.product_id = interaction_edges.product_id
  LEFT JOIN interaction_edges AS later
    ON later.user_id = interaction_edges.user_id
    AND later.product_id = companions.companion_id
    AND later.event_type = 'order'
    AND later.returned_at IS NULL
  WHERE
    interaction_edges.event_type = 'order'
    AND interaction_edges.returned_at IS NULL
    AND interaction_edges.event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL 30 DAY)
    AND later.event_id IS NULL
)
SELECT
  COUNT(*) AS n_waiting,
  COUNT(served.product_id) AS n_found,
  COUNT(by_sql.product_id) AS n_found_by_sql
FROM waiting
JOIN user_profiles ON user_profiles.user_id = waiting.user_id
LEFT JOIN recommendations AS served
  ON served.user_id = waiting.user_id
  AND served.product_id = waiting.companion_id
  AND served.week = @week
  AND served.rank <= @length
LEFT JOIN sql_lists AS by_sql
  ON by_sql.profile_id = user_profiles.profile_id
  AND by_sql.product_id = waiting.companion_id
  AND by_sql.rank <= @length
