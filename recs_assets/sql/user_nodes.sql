SELECT user_id, created_at
FROM classified
WHERE fault IS NULL
ORDER BY user_id
