-- Who changed what, when, through what, and how did it end?
SELECT happened_at, done_by, done_via, action, subject, outcome, message
FROM routing.who_did_what
ORDER BY happened_at DESC;
