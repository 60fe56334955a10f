-- Of each segment a few addresses whose mail changes, the same ones every time.
SELECT segment, email_lower, parts_before, parts_now
FROM mail_compared
WHERE is_now = 1 AND is_before = 1 AND NOT (n_in_place = n_now AND n_in_place = n_before)
QUALIFY ROW_NUMBER() OVER (PARTITION BY segment ORDER BY TO_HEX(MD5(email_lower)), email_lower) <= 3
ORDER BY segment, email_lower
