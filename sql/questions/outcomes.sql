-- What became of the items that had a proposal, week by week?
SELECT week, verdict, COUNT(*) AS items
FROM routing.item_outcomes
GROUP BY week, verdict
ORDER BY week DESC, items DESC;
