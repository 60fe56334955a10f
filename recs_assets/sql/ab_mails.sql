-- One row a mail. A mail is of the week in which it was sent, and so is what became of it.
SELECT
  user_id,
  send_id,
  MIN(IF(event_type = 'sent', event_ts, NULL)) AS sent_at,
  COUNT(IF(event_type = 'delivered', 1, NULL)) > 0 AS is_delivered,
  COUNT(IF(event_type = 'clicked', 1, NULL)) > 0 AS is_clicked,
  -- A person's click comes after the mail was opened, and not within moments of its delivery: scanners click at once, and
  -- without opening. The last click does both if any does.
  IFNULL(
    MAX(IF(event_type = 'clicked', event_ts, NULL)) >= MIN(IF(event_type = 'opened', event_ts, NULL))
    AND TIMESTAMP_DIFF(
      MAX(IF(event_type = 'clicked', event_ts, NULL)), MIN(IF(event_type = 'delivered', event_ts, NULL)), MICROSECOND
    ) >= @min_click_seconds * 1000000,
    FALSE
  ) AS is_clicked_by_person,
  COUNT(IF(event_type = 'unsubscribed', 1, NULL)) > 0 AS is_unsubscribed,
  COUNT(IF(event_type = 'complained', 1, NULL)) > 0 AS is_complained
FROM mail_events
WHERE event_ts >= @pre_start AND event_ts < @end
GROUP BY user_id, send_id
