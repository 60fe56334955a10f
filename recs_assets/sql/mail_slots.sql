-- The parts of two mails, one row an address and slot: of the one to come (now), and of the one before.
WITH
shown AS (
  SELECT email_lower, 'now' AS moment, 0 AS slot, CAST(NULL AS STRING) AS product_id, CAST(NULL AS FLOAT64) AS price FROM mail
  UNION ALL
  SELECT email_lower, 'before', 0, NULL, NULL FROM mail_before
  -- slot begins
  UNION ALL
  SELECT email_lower, 'now', SLOT, rec_part_SLOT, recSLOT_price FROM mail
  UNION ALL
  SELECT email_lower, 'before', SLOT, rec_part_SLOT, recSLOT_price FROM mail_before
  -- slot ends
)
SELECT email_lower, moment, slot, product_id, price
FROM shown
