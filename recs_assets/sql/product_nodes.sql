SELECT
  product_id, part_type, price, brand, title, image_url, variant_group, is_refurbished, is_universal, is_available,
  first_created_at AS created_at, is_withdrawn
FROM classified
WHERE fault IS NULL
ORDER BY product_id
