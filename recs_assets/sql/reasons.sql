-- One row: for each promise behind the reasons of the lists how many rows break it. Whatever edge a reason names is looked
-- up again in the tables, and its people are counted again, without the person whose list it is.
WITH
events AS (
  SELECT user_id, product_id, event_type = 'order' AS is_order, event_ts
  FROM interaction_edges
  WHERE event_ts < @as_of AND (returned_at IS NULL OR returned_at >= @as_of)
),
touched AS (
  SELECT user_id, product_id, MAX(IF(is_order, 1, 0)) AS n_bought
  FROM events
  GROUP BY user_id, product_id
),
garages AS (
  SELECT touched.user_id, touched.product_id, vehicle_nodes.vehicle_id, make, model
  FROM touched
  JOIN owns_edges ON owns_edges.user_id = touched.user_id
  JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
  WHERE added_at IS NULL OR added_at < @as_of
),
product_people AS (
  SELECT
    product_id,
    COUNT(DISTINCT IF(is_order, user_id, NULL)) AS n_buyers,
    COUNT(DISTINCT IF(event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL @recent_days DAY), user_id, NULL)) AS n_recent,
    COUNT(DISTINCT IF(
      event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL 2 * @recent_days DAY)
      AND event_ts < TIMESTAMP_SUB(@as_of, INTERVAL @recent_days DAY), user_id, NULL
    )) AS n_before
  FROM events
  GROUP BY product_id
),
vehicle_people AS (
  SELECT vehicle_id, product_id, COUNT(DISTINCT user_id) AS n_people
  FROM garages
  GROUP BY vehicle_id, product_id
),
model_people AS (
  SELECT make, model, product_id, COUNT(DISTINCT user_id) AS n_people
  FROM garages
  GROUP BY make, model, product_id
),
make_people AS (
  SELECT make, product_id, COUNT(DISTINCT user_id) AS n_people
  FROM garages
  GROUP BY make, product_id
),
-- Numbers instead of ids: who had to do with both parts of a pair is many rows. One number for a person and a part keeps an
-- engine from joining everybody's parts with each other before it looks at the pairs.
parts AS (
  SELECT product_id, ROW_NUMBER() OVER (ORDER BY product_id) AS part
  FROM product_nodes
),
people AS (
  SELECT user_id, 1000000000 * ROW_NUMBER() OVER (ORDER BY user_id) AS person
  FROM (SELECT DISTINCT user_id FROM events) AS active
),
steps AS (
  SELECT person, part, person + part AS step, n_bought
  FROM touched
  JOIN people ON people.user_id = touched.user_id
  JOIN parts ON parts.product_id = touched.product_id
),
pairs AS (
  SELECT DISTINCT reason_product_id, own.part AS own_part, reasons.product_id, other.part AS other_part
  FROM profile_recommendations AS reasons
  JOIN parts AS own ON own.product_id = reason_product_id
  JOIN parts AS other ON other.product_id = reasons.product_id
),
pair_people AS (
  SELECT reason_product_id, product_id, COUNT(*) AS n_people, SUM(own.n_bought * other.n_bought) AS n_buyers
  FROM pairs
  JOIN steps AS own ON own.part = own_part
  JOIN steps AS other ON other.step = own.person + other_part
  GROUP BY reason_product_id, product_id
),
-- What the graph says of each row's edge; NULL where it says nothing.
edges AS (
  SELECT
    reasons.reason_code AS code,
    reasons.reason_text AS text,
    reasons.reason_count AS n_told,
    reasons.reason_product_id = reasons.product_id AS is_itself,
    history.n_bought AS n_history_bought,
    listed.n_bought AS n_listed_bought,
    pair_people.n_people - IF(listed.user_id IS NULL, 0, 1) AS n_pair_people,
    pair_people.n_buyers - IFNULL(history.n_bought * listed.n_bought, 0) AS n_pair_buyers,
    profile_vehicles.vehicle_id AS owned_vehicle_id,
    fits_edges.vehicle_id AS fitting_vehicle_id,
    vehicle_people.n_people - IF(listed.user_id IS NULL, 0, 1) AS n_vehicle_people,
    model_people.n_people - IF(listed.user_id IS NULL, 0, 1) AS n_model_people,
    make_people.n_people - IF(listed.user_id IS NULL, 0, 1) AS n_make_people,
    product_people.n_buyers,
    n_recent,
    n_before,
    product.is_universal,
    product.part_type,
    product.brand,
    product.part_type = other.part_type AS is_same_part_type,
    product.brand = other.brand AS is_same_brand,
    product.variant_group = other.variant_group AS is_same_variant_group,
    IF(REPLACE(IFNULL(other.title, ''), ' ', '') = '', other.product_id, other.title) AS history_name,
    CASE reasons.reason_code
      WHEN 'popular_with_make' THEN vehicle_nodes.make
      ELSE IFNULL(vehicle_nodes.model, vehicle_nodes.make)
    END AS vehicle_name
  FROM profile_recommendations AS reasons
  LEFT JOIN profiles ON profiles.profile_id = reasons.profile_id
  LEFT JOIN product_nodes AS product ON product.product_id = reasons.product_id
  LEFT JOIN product_nodes AS other ON other.product_id = reasons.reason_product_id
  LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = reasons.reason_vehicle_id
  LEFT JOIN touched AS history
    ON history.user_id = profiles.user_id AND history.product_id = reasons.reason_product_id
  LEFT JOIN touched AS listed ON listed.user_id = profiles.user_id AND listed.product_id = reasons.product_id
  LEFT JOIN pair_people
    ON pair_people.reason_product_id = reasons.reason_product_id AND pair_people.product_id = reasons.product_id
  LEFT JOIN profile_vehicles
    ON profile_vehicles.profile_id = reasons.profile_id AND profile_vehicles.vehicle_id = reasons.reason_vehicle_id
  LEFT JOIN fits_edges
    ON fits_edges.product_id = reasons.product_id AND fits_edges.vehicle_id = reasons.reason_vehicle_id
  LEFT JOIN vehicle_people
    ON vehicle_people.vehicle_id = reasons.reason_vehicle_id AND vehicle_people.product_id = reasons.product_id
  LEFT JOIN model_people
    ON model_people.make = vehicle_nodes.make AND model_people.model = vehicle_nodes.model
    AND model_people.product_id = reasons.product_id
  LEFT JOIN make_people ON make_people.make = vehicle_nodes.make AND make_people.product_id = reasons.product_id
  LEFT JOIN product_people ON product_people.product_id = reasons.product_id
),
with_people AS (
  SELECT
    *,
    CASE code
      WHEN 'bought_together' THEN n_pair_buyers
      WHEN 'bought_with_viewed' THEN n_pair_buyers
      WHEN 'viewed_together' THEN n_pair_people
      WHEN 'popular_with_vehicle' THEN n_vehicle_people
      WHEN 'popular_with_model' THEN n_model_people
      WHEN 'popular_with_make' THEN n_make_people
      WHEN 'trending' THEN n_recent
      WHEN 'popular_now' THEN n_recent
      WHEN 'popular_in_store' THEN n_buyers
    END AS n_counted,
    code IN ('bought_together', 'bought_with_viewed', 'viewed_together')
      OR STARTS_WITH(code, 'same_') AS names_history,
    code = 'fits_vehicle' OR STARTS_WITH(code, 'popular_with_') AS names_vehicle
  FROM edges
),
row_breaches AS (
  SELECT
    COUNT(IF(code IS NULL OR REPLACE(IFNULL(text, ''), ' ', '') = '', 1, NULL)) AS reason_missing,
    COUNT(IF(
      NOT (names_history OR names_vehicle)
      AND code NOT IN ('trending', 'popular_now', 'popular_in_store', 'looked_at', 'universal', 'in_catalogue'), 1, NULL
    )) AS reason_unknown,
    COUNT(IF(names_history AND (n_history_bought IS NULL OR is_itself), 1, NULL)) AS reason_history_not_there,
    COUNT(IF(code = 'bought_together' AND n_history_bought = 0, 1, NULL)) AS reason_history_not_bought,
    COUNT(IF(names_vehicle AND owned_vehicle_id IS NULL, 1, NULL)) AS reason_vehicle_not_owned,
    COUNT(IF(code = 'fits_vehicle' AND fitting_vehicle_id IS NULL, 1, NULL)) AS reason_not_fitting,
    COUNT(IF(n_told IS DISTINCT FROM n_counted OR n_told < 1, 1, NULL)) AS reason_count_wrong,
    COUNT(IF(
      (code = 'same_part_type' AND NOT IFNULL(is_same_part_type, FALSE))
      OR (code = 'same_brand' AND NOT IFNULL(is_same_brand, FALSE))
      OR (code = 'same_variant_group' AND NOT IFNULL(is_same_variant_group, FALSE)), 1, NULL
    )) AS reason_attribute_differs,
    COUNT(IF(
      (code = 'looked_at' AND n_listed_bought IS NULL)
      OR (code = 'universal' AND NOT IFNULL(is_universal, FALSE))
      OR (code = 'trending' AND n_recent < @trend * n_before)
      OR ((code = 'trending' OR STARTS_WITH(text, 'Popular')) AND NOT IFNULL(n_told >= @popular_people, FALSE)), 1, NULL
    )) AS reason_untrue,
    COUNT(IF(
      (names_history AND STRPOS(text, history_name) = 0)
      OR (names_vehicle AND REPLACE(vehicle_name, ' ', '') != '' AND STRPOS(text, vehicle_name) = 0), 1, NULL
    )) AS reason_names_another,
    COUNT(IF(
      (names_history AND history_name IS NULL)
      OR (code = 'same_part_type' AND is_same_part_type AND NOT STARTS_WITH(text, CONCAT('More ', part_type)))
      OR (code = 'same_brand' AND is_same_brand AND NOT STARTS_WITH(text, CONCAT('More from ', brand))), 1, NULL
    )) AS reason_names_nothing
  FROM with_people
),
list_breaches AS (
  SELECT COUNT(*) AS reason_of_another_list
  FROM staged
  LEFT JOIN user_profiles ON user_profiles.user_id = staged.user_id
  LEFT JOIN profile_recommendations
    ON profile_recommendations.profile_id = user_profiles.profile_id
    AND profile_recommendations.product_id = staged.product_id AND profile_recommendations.arm = staged.arm
  WHERE
    profile_recommendations.reason_code IS DISTINCT FROM staged.reason_code
    OR profile_recommendations.reason_text IS DISTINCT FROM staged.reason_text
)
SELECT *
FROM row_breaches
CROSS JOIN list_breaches
