-- One row: how many rows of a staged mail break each promise to those who receive it, held against the source's own users.
WITH
mailed AS (
  SELECT
    email_lower,
    REGEXP_REPLACE(LOWER(NORMALIZE(email_lower)), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS address
  FROM mail
),
accounts AS (
  SELECT
    user_id, email_consent,
    REGEXP_REPLACE(LOWER(NORMALIZE(email)), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') AS address
  FROM users
),
people AS (
  SELECT user_id, MAX(IF(email_consent, 0, 1)) AS refuses
  FROM accounts
  WHERE email_consent IS NOT NULL
  GROUP BY user_id
),
addresses AS (
  SELECT
    address,
    MAX(IF(IFNULL(NOT email_consent, FALSE) OR IFNULL(refuses = 1, FALSE), 1, 0)) AS refuses,
    MAX(IF(IFNULL(email_consent, FALSE), 1, 0)) AS agrees
  FROM accounts
  LEFT JOIN people ON people.user_id = accounts.user_id
  GROUP BY address
)
SELECT
  COUNT(*) AS n_mailed,
  (
    SELECT COUNT(DISTINCT user_id)
    FROM accounts
    WHERE
      REPLACE(address, ' ', '') != ''
      AND (NOT REGEXP_CONTAINS(address, '^[^@\\s]+@[^@\\s]+[.][^@\\s]+$') OR REGEXP_CONTAINS(address, @placeholders))
  ) AS n_placeholders,
  COUNT(IF(refuses = 1, 1, NULL)) AS mailed_without_consent,
  COUNT(IF(refuses = 0 AND agrees = 0 AND @without_consent_flag != 'send', 1, NULL)) AS mailed_unasked,
  COUNT(mailed.address) - COUNT(DISTINCT mailed.address) AS mailed_twice,
  COUNT(IF(addresses.address IS NULL OR mailed.address = '', 1, NULL)) AS mailed_to_nobody,
  COUNT(IF(mailed.email_lower != mailed.address, 1, NULL)) AS address_not_plain,
  COUNT(IF(
    NOT REGEXP_CONTAINS(mailed.address, '^[^@\\s]+@[^@\\s]+[.][^@\\s]+$')
    OR REGEXP_CONTAINS(mailed.address, @placeholders), 1, NULL
  )) AS mailed_to_placeholder
FROM mailed
LEFT JOIN addresses ON addresses.address = mailed.address
