SELECT user_id, IF(first_seen_at < created_at, first_seen_at, created_at) AS created_at
FROM classified
WHERE fault IS NULL
ORDER BY user_id
