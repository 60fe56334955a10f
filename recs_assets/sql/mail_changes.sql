-- What changes between two mails, by segment.
SELECT
  segment,
  COUNT(IF(is_before = 1, 1, NULL)) AS n_before,
  COUNT(IF(is_now = 1, 1, NULL)) AS n_now,
  COUNT(IF(is_before = 0, 1, NULL)) AS n_joining,
  COUNT(IF(is_now = 0, 1, NULL)) AS n_leaving,
  COUNT(IF(is_now = 1 AND is_before = 1 AND n_in_place = n_now AND n_in_place = n_before, 1, NULL)) AS n_the_same,
  COUNT(IF(is_now = 1 AND is_before = 1 AND n_kept = 0, 1, NULL)) AS n_all_new,
  COUNT(IF(n_repriced > 0, 1, NULL)) AS n_repriced,
  CAST(SUM(IF(is_before = 1, n_now, 0)) AS INT64) AS n_parts,
  CAST(SUM(n_kept) AS INT64) AS n_parts_kept
FROM mail_compared
GROUP BY segment
ORDER BY segment
