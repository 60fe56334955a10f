WITH
listed_people AS (
  SELECT DISTINCT user_id
  FROM staged
  WHERE week = @week AND rank <= @slots
),
-- Of several accounts of one address one that has a list is mailed: with a history before one without, then with a vehicle,
-- then the one of the smaller id.
addressees AS (
  SELECT mail_addresses.user_id, profile_id, email_lower
  FROM mail_addresses
  JOIN user_profiles ON user_profiles.user_id = mail_addresses.user_id
  JOIN listed_people ON listed_people.user_id = mail_addresses.user_id
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY email_lower ORDER BY IF(n_events > 0, 0, 1), IF(n_vehicles > 0, 0, 1), mail_addresses.user_id
  ) = 1
),
first_vehicles AS (
  SELECT user_id, year, make, model
  FROM owns_edges
  JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
  WHERE added_at IS NULL OR added_at < @as_of
  QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY IFNULL(slot, 1000000000), vehicle_nodes.vehicle_id) = 1
),
mailed AS (
  SELECT staged.user_id, profile_id, email_lower, staged.rank, staged.product_id, final_score, reason_text
  FROM staged
  JOIN addressees ON addressees.user_id = staged.user_id
  WHERE staged.week = @week AND staged.rank <= @slots
),
-- What is said of a part is the same for everybody who shares a profile.
listed AS (
  SELECT DISTINCT profile_id, product_id
  FROM mailed
),
fitting AS (
  SELECT DISTINCT listed.profile_id, listed.product_id
  FROM listed
  JOIN profile_vehicles ON profile_vehicles.profile_id = listed.profile_id
  JOIN fits_edges ON fits_edges.vehicle_id = profile_vehicles.vehicle_id AND fits_edges.product_id = listed.product_id
),
described AS (
  SELECT
    listed.profile_id, listed.product_id, price, image_url, title,
    product_links.link,  -- added link
    IF(fitting.product_id IS NULL, 'universal', 'fitment') AS type,
    IFNULL(pop_source, 'gnn') AS pop_source
  FROM listed
  JOIN product_nodes ON product_nodes.product_id = listed.product_id
  LEFT JOIN fitting ON fitting.profile_id = listed.profile_id AND fitting.product_id = listed.product_id
  LEFT JOIN sql_scores ON sql_scores.profile_id = listed.profile_id AND sql_scores.product_id = listed.product_id
  LEFT JOIN product_links ON product_links.product_id = listed.product_id  -- added link
)
SELECT
  email_lower,
  MIN(year) AS v1_year,
  MIN(make) AS v1_make,
  MIN(first_vehicles.model) AS v1_model,
  -- slot begins
  MAX(IF(rank = SLOT, mailed.product_id, NULL)) AS rec_part_SLOT,
  MAX(IF(rank = SLOT, price, NULL)) AS recSLOT_price,
  MAX(IF(rank = SLOT, final_score, NULL)) AS recSLOT_score,
  MAX(IF(rank = SLOT, image_url, NULL)) AS recSLOT_image,
  MAX(IF(rank = SLOT, type, NULL)) AS recSLOT_type,
  MAX(IF(rank = SLOT, pop_source, NULL)) AS recSLOT_pop_source,
  -- slot ends
  @generated_at AS generated_at,
  @pipeline_version AS pipeline_version
  -- slot begins
  , MAX(IF(rank = SLOT, reason_text, NULL)) AS recSLOT_reason  -- added reason
  , MAX(IF(rank = SLOT, title, NULL)) AS recSLOT_title  -- added title
  , MAX(IF(rank = SLOT, link, NULL)) AS recSLOT_link  -- added link
  -- slot ends
  , MIN(mailed.user_id) AS user_id  -- added user_id
FROM mailed
JOIN described ON described.profile_id = mailed.profile_id AND described.product_id = mailed.product_id
LEFT JOIN first_vehicles ON first_vehicles.user_id = mailed.user_id
GROUP BY email_lower
