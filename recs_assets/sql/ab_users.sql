-- One row a person of the experiment, with what they did in it and, for CUPED, what they clicked before it.
WITH
arms AS (
  SELECT user_id, MIN(arm) AS arm
  FROM rollout_assignment
  WHERE experiment = @experiment
  GROUP BY user_id
),
mails AS (
  SELECT
    user_id,
    COUNT(IF(sent_at >= @start, 1, NULL)) AS n_sent,
    COUNT(IF(sent_at >= @start AND is_delivered, 1, NULL)) AS n_delivered,
    COUNT(IF(sent_at >= @start AND is_delivered AND is_clicked_by_person, 1, NULL)) AS n_clicked,
    COUNT(IF(sent_at >= @start AND is_delivered AND is_clicked, 1, NULL)) AS n_all_clicked,
    COUNT(IF(sent_at >= @start AND is_delivered AND is_unsubscribed, 1, NULL)) AS n_unsubscribed,
    COUNT(IF(sent_at >= @start AND is_delivered AND is_complained, 1, NULL)) AS n_complained,
    COUNT(IF(sent_at < @start AND is_delivered AND is_clicked_by_person, 1, NULL)) AS n_clicked_before
  FROM ab_mails
  GROUP BY user_id
),
orders AS (
  SELECT user_id, COUNT(*) AS n_orders
  FROM interaction_edges
  WHERE event_type = 'order' AND event_ts >= @start AND event_ts < @end
  GROUP BY user_id
)
SELECT
  arms.user_id,
  arm,
  IFNULL(n_sent, 0) AS n_sent,
  CAST(IFNULL(n_delivered, 0) AS FLOAT64) AS delivered,
  CAST(IFNULL(n_clicked, 0) AS FLOAT64) AS clicks,
  CAST(IFNULL(n_all_clicked, 0) AS FLOAT64) AS all_clicks,
  CAST(IFNULL(n_unsubscribed, 0) AS FLOAT64) AS unsubscribed,
  CAST(IFNULL(n_complained, 0) AS FLOAT64) AS complained,
  CAST(IFNULL(n_orders, 0) AS FLOAT64) AS orders,
  CAST(IFNULL(n_clicked_before, 0) AS FLOAT64) AS clicks_before
FROM arms
LEFT JOIN mails ON mails.user_id = arms.user_id
LEFT JOIN orders ON orders.user_id = arms.user_id
