-- Sums over the people of an arm of y and x, their squares and their product, and of the covariate p with each: all that the
-- delta method and CUPED need.
WITH
ratios AS (
  SELECT 'clicks' AS metric, arm, n_sent, clicks AS y, delivered AS x, clicks_before AS p
  FROM ab_users
  UNION ALL
  SELECT 'all_clicks' AS metric, arm, n_sent, all_clicks AS y, delivered AS x, clicks_before AS p
  FROM ab_users
  UNION ALL
  SELECT 'unsubscribed' AS metric, arm, n_sent, unsubscribed AS y, delivered AS x, 0.0 AS p
  FROM ab_users
  UNION ALL
  SELECT 'complained' AS metric, arm, n_sent, complained AS y, delivered AS x, 0.0 AS p
  FROM ab_users
  UNION ALL
  SELECT 'orders' AS metric, arm, n_sent, orders AS y, 1.0 AS x, 0.0 AS p
  FROM ab_users
  UNION ALL
  SELECT 'mails' AS metric, arm, n_sent, delivered AS y, 1.0 AS x, 0.0 AS p
  FROM ab_users
)
SELECT
  metric,
  arm,
  COUNT(IF(n_sent > 0, 1, NULL)) AS n_mailed,
  CAST(COUNT(*) AS FLOAT64) AS n,
  SUM(y) AS y,
  SUM(x) AS x,
  SUM(y * y) AS yy,
  SUM(x * x) AS xx,
  SUM(y * x) AS yx,
  SUM(p) AS p,
  SUM(p * p) AS pp,
  SUM(p * y) AS py,
  SUM(p * x) AS px
FROM ratios
GROUP BY metric, arm
ORDER BY metric, arm
