-- One row a person who may be mailed at this moment, with the address as it is mailed. Whoever says no in any row, whatever
-- its date, says no for every address of theirs, and for everybody else at these addresses.
WITH
texts AS (
  SELECT
    user_id, created_at, email_consent,
    REGEXP_REPLACE(LOWER(NORMALIZE(email)), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS text
  FROM users
),
-- What stands for an address where a customer has none is none.
accounts AS (
  SELECT
    user_id, created_at, email_consent,
    IF(
      REGEXP_CONTAINS(text, '^[^@\\s]+@[^@\\s]+[.][^@\\s]+$') AND NOT REGEXP_CONTAINS(text, @placeholders), text, NULL
    ) AS email_lower
  FROM texts
),
refusing_people AS (
  SELECT DISTINCT user_id
  FROM accounts
  WHERE NOT email_consent
),
refused_addresses AS (
  SELECT email_lower
  FROM accounts
  WHERE NOT email_consent
  UNION DISTINCT
  SELECT email_lower
  FROM accounts
  JOIN refusing_people ON refusing_people.user_id = accounts.user_id
),
agreed_addresses AS (
  SELECT DISTINCT email_lower
  FROM accounts
  WHERE email_consent
),
-- A person's newest row has the address; one that names none has taken it away. Of two different ones of one moment nobody
-- can tell which is theirs: neither is mailed.
newest_rows AS (
  SELECT user_id, email_lower AS address
  FROM accounts
  WHERE created_at IS NULL OR created_at <= @now
  QUALIFY RANK() OVER (PARTITION BY user_id ORDER BY created_at DESC) = 1
),
newest_accounts AS (
  SELECT user_id, MIN(address) AS email_lower
  FROM newest_rows
  GROUP BY user_id
  HAVING COUNT(DISTINCT IFNULL(address, '')) = 1
)
SELECT newest_accounts.user_id, newest_accounts.email_lower
FROM newest_accounts
LEFT JOIN refused_addresses ON refused_addresses.email_lower = newest_accounts.email_lower
LEFT JOIN agreed_addresses ON agreed_addresses.email_lower = newest_accounts.email_lower
WHERE
  newest_accounts.user_id IS NOT NULL
  AND newest_accounts.email_lower IS NOT NULL
  AND refused_addresses.email_lower IS NULL
  AND (agreed_addresses.email_lower IS NOT NULL OR @without_consent_flag = 'send')
