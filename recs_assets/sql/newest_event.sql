SELECT MAX(event_ts) AS newest_event FROM events WHERE event_ts < @now
