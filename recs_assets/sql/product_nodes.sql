SELECT
  product_id, part_type, price, brand, title,
  -- What leaves its scheme to the page is read by HTTPS, as the mail's other pictures are.
  REGEXP_REPLACE(
    REGEXP_REPLACE(image_url, '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', ''), '^(?i:https:)?//', 'https://'
  ) AS image_url,
  variant_group, is_refurbished,
  IF(is_overruled, FALSE, is_universal) AS is_universal, is_available,
  first_created_at AS created_at, is_withdrawn
FROM classified
WHERE fault IS NULL
ORDER BY product_id
