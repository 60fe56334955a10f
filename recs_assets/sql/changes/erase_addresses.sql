-- Addresses leave a mail, staged or served.
DELETE FROM mail
WHERE email_lower IN UNNEST(@people)
