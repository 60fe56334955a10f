-- One row: how many people have a list, whom of them the mail reaches (through any account of their address), and why not.
WITH
listed AS (
  SELECT DISTINCT user_id
  FROM staged
),
texts AS (
  SELECT
    user_id, email_consent,
    REGEXP_REPLACE(LOWER(NORMALIZE(email)), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS text
  FROM users
),
accounts AS (
  SELECT
    user_id, email_consent,
    IF(
      REGEXP_CONTAINS(text, '^[^@\\s]+@[^@\\s]+[.][^@\\s]+$') AND NOT REGEXP_CONTAINS(text, @placeholders), text, NULL
    ) AS address
  FROM texts
),
refusing_people AS (
  SELECT DISTINCT user_id
  FROM accounts
  WHERE NOT email_consent
),
refused_addresses AS (
  SELECT DISTINCT address
  FROM accounts
  JOIN refusing_people ON refusing_people.user_id = accounts.user_id
),
people AS (
  SELECT
    listed.user_id,
    COUNT(mail.email_lower) AS n_mailed,
    COUNT(accounts.address) AS n_addresses,
    COUNT(refusing_people.user_id) + COUNT(refused_addresses.address) AS n_refusals
  FROM listed
  LEFT JOIN accounts ON accounts.user_id = listed.user_id
  LEFT JOIN mail ON mail.email_lower = accounts.address
  LEFT JOIN refusing_people ON refusing_people.user_id = listed.user_id
  LEFT JOIN refused_addresses ON refused_addresses.address = accounts.address
  GROUP BY listed.user_id
)
SELECT
  COUNT(*) AS n_listed,
  COUNT(IF(n_mailed > 0, 1, NULL)) AS n_reached,
  COUNT(IF(n_mailed = 0 AND n_addresses = 0, 1, NULL)) AS n_without_address,
  COUNT(IF(n_mailed = 0 AND n_addresses > 0 AND n_refusals > 0, 1, NULL)) AS n_refusing,
  COUNT(IF(n_mailed = 0 AND n_addresses > 0 AND n_refusals = 0, 1, NULL)) AS n_never_asked
FROM people
