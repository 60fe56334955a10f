-- In how many of the mails that are served now each part stands that is asked about.
WITH
shown AS (
  SELECT email_lower, CAST(NULL AS STRING) AS product_id FROM mail
  -- slot begins
  UNION ALL
  SELECT email_lower, rec_part_SLOT FROM mail
  -- slot ends
)
SELECT asked.product_id, COUNT(DISTINCT email_lower) AS n_mails
FROM asked
LEFT JOIN shown ON shown.product_id = asked.product_id
GROUP BY asked.product_id
ORDER BY asked.product_id
