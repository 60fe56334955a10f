SELECT
  COUNT(*) AS n_rows,
  COUNT(DISTINCT product_id) AS n_keys,
  COUNT(IF(product_id IS NULL, 1, NULL)) AS n_null_product_id,
  COUNT(IF(part_type IS NULL, 1, NULL)) AS n_null_part_type,
  COUNT(IF(price IS NULL, 1, NULL)) AS n_null_price,
  COUNT(IF(brand IS NULL, 1, NULL)) AS n_null_brand,
  COUNT(IF(title IS NULL, 1, NULL)) AS n_null_title,
  COUNT(IF(image_url IS NULL, 1, NULL)) AS n_null_image_url,
  COUNT(IF(variant_group IS NULL, 1, NULL)) AS n_null_variant_group,
  COUNT(IF(is_refurbished IS NULL, 1, NULL)) AS n_null_is_refurbished,
  COUNT(IF(is_universal IS NULL, 1, NULL)) AS n_null_is_universal,
  COUNT(IF(created_at IS NULL, 1, NULL)) AS n_null_created_at,
  MIN(created_at) AS first_ts,
  MAX(created_at) AS last_ts
FROM products
