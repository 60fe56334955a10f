WITH
copies AS (
  SELECT
    product_id, vehicle_id,
    ROW_NUMBER() OVER (PARTITION BY product_id, vehicle_id ORDER BY product_id) AS copy_number
  FROM fitment
),
-- Parts of which the week does not know yet: what names one is not known yet either, and no fault.
later_products AS (
  SELECT DISTINCT product_id
  FROM products
  WHERE created_at >= @as_of AND created_at <= @now
),
faults AS (
  SELECT
    copies.product_id,
    copies.vehicle_id,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(copies.product_id, ' ', ''), '') = '' THEN 'empty product_id'
      WHEN REGEXP_CONTAINS(copies.product_id, '[\\x00]') THEN 'NUL character in product_id'
      WHEN IFNULL(REPLACE(copies.vehicle_id, ' ', ''), '') = '' THEN 'empty vehicle_id'
      WHEN REGEXP_CONTAINS(copies.vehicle_id, '[\\x00]') THEN 'NUL character in vehicle_id'
      WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'unknown product_id'
      WHEN vehicle_nodes.vehicle_id IS NULL THEN 'unknown vehicle_id'
      WHEN product_nodes.product_id IS NULL THEN 'outside window'
    END AS fault
  FROM copies
  LEFT JOIN product_nodes ON product_nodes.product_id = copies.product_id
  LEFT JOIN later_products ON later_products.product_id = copies.product_id
  LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = copies.vehicle_id
)
SELECT
  product_id, vehicle_id, fault,
  CONCAT(IFNULL(product_id, ''), ' | ', IFNULL(vehicle_id, '')) AS row_key,
  IF(fault IS NULL OR fault IN ('exact duplicate', 'outside window'), NULL, TO_JSON_STRING(STRUCT(
    product_id AS product_id, vehicle_id AS vehicle_id
  ))) AS row_json
FROM faults
