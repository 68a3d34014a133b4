-- Which proposals does nobody look at? The oldest first; what is older than ROUTING_ETL_IGNORED_WEEKS counts as ignored.
SELECT item_cd, candidate_id, confidence, open_since, state
FROM routing.open_proposals
WHERE state IN ('open', 'superseded')
ORDER BY open_since, item_cd;
