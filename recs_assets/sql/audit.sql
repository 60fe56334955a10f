-- One row: for each rule of the contract how many breaches a staged table has. A rule whose setting is NULL is off and
-- has none.
WITH
-- Numbers instead of ids: a list a person is many rows, which are grouped and joined several times. Numbers ascend as ids do.
people AS (
  SELECT user_id, ROW_NUMBER() OVER (ORDER BY user_id) AS person
  FROM (SELECT DISTINCT user_id FROM staged) AS listed_users
),
image_counts AS (
  SELECT COUNT(image_url) AS n_images
  FROM product_nodes
),
variants AS (
  SELECT variant_group, ROW_NUMBER() OVER (ORDER BY variant_group) AS variant
  FROM (SELECT DISTINCT variant_group FROM product_nodes) AS known_groups
),
types AS (
  SELECT part_type, ROW_NUMBER() OVER (ORDER BY part_type) AS type
  FROM (SELECT DISTINCT part_type FROM product_nodes) AS known_types
),
parts AS (
  SELECT
    listed_products.product_id,
    ROW_NUMBER() OVER (ORDER BY listed_products.product_id) AS part,
    product_nodes.variant_group,
    variant,
    type,
    IFNULL(is_universal, FALSE) AS is_universal,
    product_nodes.product_id IS NOT NULL AS is_known,
    NOT IFNULL(price >= CAST(@min_price AS FLOAT64), CAST(@min_price AS FLOAT64) IS NULL) AS is_cheap,
    CAST(@available_only AS BOOL) AND NOT is_available AS is_unavailable,
    CAST(@exclude_refurbished AS BOOL) AND is_refurbished AS is_refurbished,
    is_withdrawn,
    REGEXP_REPLACE(LOWER(product_nodes.part_type), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '')
    IN UNNEST(@excluded_part_types) AS is_excluded,
    CAST(@https_image AS BOOL) AND n_images > 0 AND NOT IFNULL(STARTS_WITH(image_url, 'https://'), FALSE) AS is_imageless
  FROM (SELECT DISTINCT product_id FROM staged) AS listed_products
  LEFT JOIN product_nodes ON product_nodes.product_id = listed_products.product_id
  LEFT JOIN variants ON variants.variant_group = product_nodes.variant_group
  LEFT JOIN types ON types.part_type = product_nodes.part_type
  CROSS JOIN image_counts
),
listed AS (
  SELECT
    person, part, variant, type, staged.rank, final_score,
    IFNULL(is_universal, FALSE) AS is_universal,
    IFNULL(is_known, FALSE) AS is_known,
    is_cheap, is_unavailable, is_refurbished, is_withdrawn, is_excluded, is_imageless,
    staged.week IS DISTINCT FROM @week AS is_of_another_week,
    NOT IFNULL(ABS(final_score) < 1e300, FALSE)
    OR NOT IFNULL(ABS(sql_score) < 1e300, TRUE)
    OR NOT IFNULL(ABS(gnn_score) < 1e300, TRUE) AS is_not_finite
  FROM staged
  LEFT JOIN people ON people.user_id = staged.user_id
  LEFT JOIN parts ON parts.product_id = staged.product_id
),
row_breaches AS (
  SELECT
    COUNT(IF(is_of_another_week, 1, NULL)) AS wrong_week,
    COUNT(IF(NOT is_known, 1, NULL)) AS unknown_product,
    COUNT(IF(IFNULL(is_cheap, CAST(@min_price AS FLOAT64) IS NOT NULL), 1, NULL)) AS price_too_low,
    COUNT(IF(is_unavailable, 1, NULL)) AS not_available,
    COUNT(IF(is_refurbished, 1, NULL)) AS refurbished,
    COUNT(IF(is_withdrawn, 1, NULL)) AS withdrawn,
    COUNT(IF(is_excluded, 1, NULL)) AS excluded_part_type,
    COUNT(IF(is_imageless, 1, NULL)) AS image_not_https,
    COUNT(IF(is_not_finite, 1, NULL)) AS score_not_finite
  FROM listed
),
-- One number for a vehicle and a part keeps an engine from joining all garages with all that fits them.
vehicles AS (
  SELECT vehicle_id, 1000000000 * ROW_NUMBER() OVER (ORDER BY vehicle_id) AS vehicle
  FROM (SELECT DISTINCT vehicle_id FROM fits_edges) AS fitted
),
garages AS (
  SELECT person, vehicle
  FROM owns_edges
  JOIN people ON people.user_id = owns_edges.user_id
  JOIN vehicles ON vehicles.vehicle_id = owns_edges.vehicle_id
  WHERE added_at IS NULL OR added_at < @as_of
),
fits AS (
  SELECT vehicle + part AS step
  FROM fits_edges
  JOIN vehicles ON vehicles.vehicle_id = fits_edges.vehicle_id
  JOIN parts ON parts.product_id = fits_edges.product_id
),
fitting AS (
  SELECT DISTINCT listed.person, listed.part
  FROM listed
  JOIN garages ON garages.person = listed.person
  JOIN fits ON fits.step = garages.vehicle + listed.part
  WHERE NOT listed.is_universal
),
fitment_breaches AS (
  SELECT COUNT(IF(@require_fitment AND @has_fitment, 1, NULL)) AS neither_fitting_nor_universal
  FROM listed
  LEFT JOIN fitting ON fitting.person = listed.person AND fitting.part = listed.part
  WHERE NOT listed.is_universal AND fitting.part IS NULL
),
-- The source's own orders, with a fault or without: what an export has lost must not be lost on its audit too. The exports are
-- asked only what is left of a part that the person returned some of.
source_orders AS (
  SELECT person, product_id, IFNULL(quantity, 1) AS units, event_ts
  FROM events
  JOIN people ON people.user_id = events.user_id
  WHERE
    REGEXP_REPLACE(LOWER(event_type), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') = 'order'
    AND event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL CAST(@exclude_bought_days AS INT64) DAY)
    AND event_ts < @as_of
),
kept_orders AS (
  SELECT user_id, product_id
  FROM interaction_edges
  WHERE event_type = 'order' AND event_ts < @as_of AND (returned_at IS NULL OR returned_at >= @as_of)
  UNION DISTINCT
  SELECT user_id, product_id
  FROM other_orders
  WHERE event_ts < @as_of AND (returned_at IS NULL OR returned_at >= @as_of)
),
orders AS (
  SELECT DISTINCT source_orders.person, source_orders.product_id, variant_group
  FROM source_orders
  JOIN people ON people.person = source_orders.person
  LEFT JOIN (SELECT DISTINCT person, product_id FROM source_orders WHERE units < 0) AS returns
    ON returns.person = source_orders.person AND returns.product_id = source_orders.product_id
  LEFT JOIN kept_orders ON kept_orders.user_id = people.user_id AND kept_orders.product_id = source_orders.product_id
  LEFT JOIN product_nodes ON product_nodes.product_id = source_orders.product_id
  WHERE units > 0 AND (returns.person IS NULL OR kept_orders.user_id IS NOT NULL)
),
bought AS (
  SELECT person, part
  FROM orders
  JOIN parts ON parts.product_id = orders.product_id
),
bought_variants AS (
  SELECT DISTINCT person, variant
  FROM orders
  JOIN parts ON parts.variant_group = orders.variant_group
),
bought_breaches AS (
  SELECT COUNT(*) AS bought_already
  FROM listed
  JOIN bought ON bought.person = listed.person AND bought.part = listed.part
),
bought_variant_breaches AS (
  SELECT COUNT(IF(CAST(@exclude_bought_variants AS BOOL), 1, NULL)) AS variant_bought_already
  FROM listed
  JOIN bought_variants ON bought_variants.person = listed.person AND bought_variants.variant = listed.variant
  LEFT JOIN bought ON bought.person = listed.person AND bought.part = listed.part
  WHERE bought.part IS NULL
),
-- Only the numbers of a row and its neighbour's decide about order: the list above it must score at least as much.
ordered AS (
  SELECT
    person, rank, part, final_score, is_universal,
    LAG(rank) OVER (PARTITION BY person ORDER BY rank, part) AS rank_above,
    LAG(final_score) OVER (PARTITION BY person ORDER BY rank, part) AS score_above,
    LAG(part) OVER (PARTITION BY person ORDER BY rank, part) AS part_above
  FROM listed
),
user_lists AS (
  SELECT
    person,
    COUNT(*) AS n_listed,
    COUNT(IF(rank = rank_above, 1, NULL)) AS n_repeated,
    MIN(rank) AS first_rank,
    MAX(rank) AS last_rank,
    COUNT(IF(NOT is_universal AND rank <= @slots, 1, NULL)) AS n_fitting_slots,
    -- The engines disagree on where NaN stands, so order is tested among finite scores.
    COUNT(IF(ABS(final_score) < 1e300 AND final_score > score_above, 1, NULL)) AS n_higher,
    COUNT(IF(ABS(final_score) < 1e300 AND final_score = score_above AND part < part_above, 1, NULL)) AS n_ties
  FROM ordered
  GROUP BY person
),
list_breaches AS (
  SELECT
    CAST(IFNULL(SUM(n_higher), 0) AS INT64) AS score_not_descending,
    CAST(IFNULL(SUM(n_ties), 0) AS INT64) AS tie_out_of_order,
    CAST(IFNULL(SUM(n_repeated), 0) AS INT64) AS duplicate_rank,
    COUNT(IF(first_rank != 1 OR last_rank != n_listed - n_repeated, 1, NULL)) AS rank_gaps,
    COUNT(IF(n_listed > @list_length, 1, NULL)) AS list_too_long
  FROM user_lists
),
-- Universal parts may fill the slots of fitting ones only where no more of those could be listed: counted among all that
-- fit the garage, for the people with room for more.
short_of_fitting AS (
  SELECT people.person, people.user_id, n_fitting_slots, LEAST(@slots, @list_length) - CAST(@max_universal AS INT64) AS n_wanted
  FROM user_lists
  JOIN people ON people.person = user_lists.person
  WHERE @require_fitment AND @has_fitment AND n_fitting_slots < LEAST(@slots, @list_length) - CAST(@max_universal AS INT64)
),
could_be_listed AS (
  SELECT DISTINCT short_of_fitting.person, product_nodes.product_id, product_nodes.variant_group, product_nodes.part_type
  FROM short_of_fitting
  JOIN owns_edges ON owns_edges.user_id = short_of_fitting.user_id
  JOIN fits_edges ON fits_edges.vehicle_id = owns_edges.vehicle_id
  JOIN product_nodes ON product_nodes.product_id = fits_edges.product_id
  LEFT JOIN orders ON orders.person = short_of_fitting.person AND orders.product_id = product_nodes.product_id
  LEFT JOIN orders AS variant_orders
    ON variant_orders.person = short_of_fitting.person
    AND variant_orders.variant_group = product_nodes.variant_group
    AND CAST(@exclude_bought_variants AS BOOL)
  WHERE
    (added_at IS NULL OR added_at < @as_of)
    AND ineligible_reason IS NULL AND NOT IFNULL(is_universal, FALSE)
    AND orders.person IS NULL AND variant_orders.person IS NULL
),
-- A group whose parts are of several types is not counted: which one is listed decides over the others.
listable_groups AS (
  SELECT person, MIN(part_type) AS type
  FROM could_be_listed
  GROUP BY
    person,
    IF(
      variant_group IS NULL OR NOT IFNULL(CAST(@one_per_variant_group AS BOOL), FALSE),
      CONCAT('part ', product_id), CONCAT('group ', variant_group)
    )
  HAVING COUNT(DISTINCT IFNULL(part_type, '')) = 1
),
listable_types AS (
  SELECT
    person,
    IF(type IS NULL, COUNT(*), LEAST(COUNT(*), IFNULL(CAST(@max_per_part_type AS INT64), COUNT(*)))) AS n_listable
  FROM listable_groups
  GROUP BY person, type
),
listable AS (
  SELECT person, SUM(n_listable) AS n_listable
  FROM listable_types
  GROUP BY person
),
fitting_breaches AS (
  SELECT COUNT(*) AS too_many_universal
  FROM short_of_fitting
  JOIN listable ON listable.person = short_of_fitting.person
  WHERE n_fitting_slots < LEAST(n_wanted, n_listable)
),
product_breaches AS (
  SELECT CAST(IFNULL(SUM(n_listed - 1), 0) AS INT64) AS duplicate_product
  FROM (SELECT person, part, COUNT(*) AS n_listed FROM listed GROUP BY person, part) AS user_products
),
variant_breaches AS (
  SELECT CAST(IFNULL(SUM(n_listed - 1), 0) AS INT64) AS second_of_variant_group
  FROM (
    SELECT person, variant, COUNT(*) AS n_listed
    FROM listed
    WHERE variant IS NOT NULL AND IFNULL(CAST(@one_per_variant_group AS BOOL), FALSE)
    GROUP BY person, variant
  ) AS user_variants
),
part_type_breaches AS (
  SELECT CAST(IFNULL(SUM(n_listed - CAST(@max_per_part_type AS INT64)), 0) AS INT64) AS over_max_per_part_type
  FROM (
    SELECT person, type, COUNT(*) AS n_listed
    FROM listed
    WHERE type IS NOT NULL
    GROUP BY person, type
  ) AS user_part_types
  WHERE n_listed > CAST(@max_per_part_type AS INT64)
)
SELECT *
FROM row_breaches
CROSS JOIN fitment_breaches
CROSS JOIN bought_breaches
CROSS JOIN bought_variant_breaches
CROSS JOIN list_breaches
CROSS JOIN fitting_breaches
CROSS JOIN product_breaches
CROSS JOIN variant_breaches
CROSS JOIN part_type_breaches
