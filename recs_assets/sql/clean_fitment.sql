WITH
-- Parts of which the week does not know yet: what names one is not known yet either, and no fault.
later_products AS (
  SELECT DISTINCT product_id
  FROM products
  WHERE created_at >= @as_of AND created_at <= @now
)
SELECT
  fitment_rows.* EXCEPT (form_fault, content_rank),
  CASE
    WHEN form_fault IS NOT NULL THEN form_fault
    WHEN product_nodes.product_id IS NULL AND later_products.product_id IS NULL THEN 'unknown product_id'
    WHEN vehicle_nodes.vehicle_id IS NULL THEN 'unknown vehicle_id'
    WHEN product_nodes.product_id IS NULL THEN 'outside window'
  END AS fault
FROM fitment_rows
LEFT JOIN product_nodes ON product_nodes.product_id = fitment_rows.product_id
LEFT JOIN later_products ON later_products.product_id = fitment_rows.product_id
LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = fitment_rows.vehicle_id
