-- Addresses of a mail, staged or served, that no user of the source has any more.
WITH
addresses AS (
  SELECT DISTINCT REGEXP_REPLACE(LOWER(email), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS email_lower
  FROM users
)
SELECT DISTINCT mail.email_lower
FROM mail
LEFT JOIN addresses ON addresses.email_lower = mail.email_lower
WHERE addresses.email_lower IS NULL
ORDER BY email_lower
