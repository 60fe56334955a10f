WITH
histories AS (
  SELECT user_id, COUNT(*) AS n_events
  FROM interaction_edges
  WHERE event_ts < @as_of AND (returned_at IS NULL OR returned_at >= @as_of)
  GROUP BY user_id
),
-- Who has bought something that must not come again has a list of their own, though nothing is learned from it.
other_buyers AS (
  SELECT DISTINCT user_id
  FROM other_orders
  WHERE event_ts < @as_of AND (returned_at IS NULL OR returned_at >= @as_of)
),
-- The length before each id keeps two garages apart whatever stands in their ids.
garages AS (
  SELECT
    user_id,
    COUNT(*) AS n_vehicles,
    TO_HEX(MD5(STRING_AGG(CONCAT(CAST(LENGTH(vehicle_id) AS STRING), ':', vehicle_id), ',' ORDER BY vehicle_id))) AS garage_id
  FROM owns_edges
  WHERE added_at IS NULL OR added_at < @as_of
  GROUP BY user_id
)
SELECT
  user_nodes.user_id,
  CASE
    WHEN histories.user_id IS NOT NULL OR other_buyers.user_id IS NOT NULL THEN CONCAT('user:', user_nodes.user_id)
    WHEN garages.user_id IS NOT NULL THEN CONCAT('garage:', garages.garage_id)
    ELSE 'garage:none'
  END AS profile_id,
  strata.name AS stratum,
  IFNULL(n_events, 0) AS n_events,
  IFNULL(n_vehicles, 0) AS n_vehicles
FROM user_nodes
LEFT JOIN histories ON histories.user_id = user_nodes.user_id
LEFT JOIN other_buyers ON other_buyers.user_id = user_nodes.user_id
LEFT JOIN garages ON garages.user_id = user_nodes.user_id
LEFT JOIN shared_accounts ON shared_accounts.user_id = user_nodes.user_id
JOIN strata ON IFNULL(n_events, 0) BETWEEN min_events AND max_events
-- Many people's account is nobody's: it has no profile, so no list and no mail.
WHERE shared_accounts.user_id IS NULL
ORDER BY user_id, stratum
