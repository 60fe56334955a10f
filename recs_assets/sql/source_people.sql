SELECT DISTINCT user_id
FROM users
WHERE user_id IS NOT NULL
ORDER BY user_id
