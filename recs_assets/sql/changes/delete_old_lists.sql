-- Lists of weeks that are not looked back at any more. What was published stays in the ledger.
DELETE FROM recommendations
WHERE week <= @week
