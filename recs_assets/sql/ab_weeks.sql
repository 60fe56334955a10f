SELECT
  CAST(DATE_TRUNC(DATE(sent_at), WEEK(MONDAY)) AS DATE) AS week,
  COUNT(*) AS n_sent,
  COUNT(IF(is_delivered, 1, NULL)) AS n_delivered,
  COUNT(IF(is_delivered AND is_clicked, 1, NULL)) AS n_clicked
FROM ab_mails
WHERE sent_at IS NOT NULL
GROUP BY week
ORDER BY week
