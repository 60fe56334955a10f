WITH
-- Parts of which the week does not know yet: what names one is not known yet either, and no fault.
later_products AS (
  SELECT DISTINCT product_id
  FROM products
  WHERE created_at >= @as_of AND created_at <= @now
),
with_faults AS (
  SELECT
    fitment_rows.*,
    node_id,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'part not sold'
      WHEN node_id IS NULL THEN 'unknown vehicle_id'
      WHEN product_nodes.product_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM fitment_rows
  LEFT JOIN product_nodes ON product_nodes.product_id = fitment_rows.product_id
  LEFT JOIN later_products ON later_products.product_id = fitment_rows.product_id
  LEFT JOIN vehicle_ids ON vehicle_ids.vehicle_id = fitment_rows.vehicle_id
)
-- What fits a vehicle under two of its ids fits it once.
SELECT
  * EXCEPT (form_fault, content_rank, row_fault),
  IF(
    row_fault IS NULL AND ROW_NUMBER() OVER (PARTITION BY product_id, node_id, row_fault IS NULL ORDER BY vehicle_id) > 1,
    'repeated product_id and vehicle_id', row_fault
  ) AS fault
FROM with_faults
