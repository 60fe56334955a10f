-- What changes for each address between two mails: one row an address.
WITH
-- Of several accounts of an address the one with the most history; who has no list any more has no segment.
segments AS (
  SELECT email_lower, segment
  FROM mail_addresses
  JOIN staged ON staged.user_id = mail_addresses.user_id
  WHERE staged.week = @week AND staged.rank = 1
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY email_lower ORDER BY CASE segment WHEN 'hot' THEN 0 WHEN 'warm' THEN 1 ELSE 2 END, staged.user_id
  ) = 1
),
kept AS (
  SELECT
    now.email_lower,
    COUNT(*) AS n_kept,
    COUNT(IF(now.slot = before.slot, 1, NULL)) AS n_in_place,
    COUNT(IF(now.price != before.price, 1, NULL)) AS n_repriced
  FROM mail_slots AS now
  JOIN mail_slots AS before ON before.email_lower = now.email_lower AND before.product_id = now.product_id
  WHERE now.moment = 'now' AND before.moment = 'before'
  GROUP BY now.email_lower
),
addresses AS (
  SELECT
    email_lower,
    MAX(IF(moment = 'now', 1, 0)) AS is_now,
    MAX(IF(moment = 'before', 1, 0)) AS is_before,
    COUNT(IF(moment = 'now', product_id, NULL)) AS n_now,
    COUNT(IF(moment = 'before', product_id, NULL)) AS n_before,
    STRING_AGG(IF(moment = 'now', product_id, NULL), ', ' ORDER BY slot) AS parts_now,
    STRING_AGG(IF(moment = 'before', product_id, NULL), ', ' ORDER BY slot) AS parts_before
  FROM mail_slots
  GROUP BY email_lower
)
SELECT
  addresses.email_lower, IFNULL(segment, 'no list') AS segment, is_now, is_before, n_now, n_before, parts_now, parts_before,
  IFNULL(n_kept, 0) AS n_kept, IFNULL(n_in_place, 0) AS n_in_place, IFNULL(n_repriced, 0) AS n_repriced
FROM addresses
LEFT JOIN segments ON segments.email_lower = addresses.email_lower
LEFT JOIN kept ON kept.email_lower = addresses.email_lower
