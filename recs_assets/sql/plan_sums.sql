-- One row: what people did with the mails of a window, added up for the delta method.
WITH
people AS (
  SELECT
    user_id,
    CAST(COUNT(IF(is_delivered AND is_clicked_by_person, 1, NULL)) AS FLOAT64) AS y,
    CAST(COUNT(IF(is_delivered, 1, NULL)) AS FLOAT64) AS x
  FROM ab_mails
  WHERE sent_at >= @start AND sent_at < @end
  GROUP BY user_id
)
SELECT
  CAST(COUNT(*) AS FLOAT64) AS n,
  SUM(y) AS y,
  SUM(x) AS x,
  SUM(y * y) AS yy,
  SUM(x * x) AS xx,
  SUM(y * x) AS yx,
  CAST(0 AS FLOAT64) AS p,
  CAST(0 AS FLOAT64) AS pp,
  CAST(0 AS FLOAT64) AS py,
  CAST(0 AS FLOAT64) AS px
FROM people
