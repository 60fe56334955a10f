SELECT user_id, created_at, email_consent
FROM classified
WHERE fault IS NULL
ORDER BY user_id
