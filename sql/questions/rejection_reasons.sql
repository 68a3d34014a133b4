-- Why were proposals rejected?
SELECT week, model_version, candidate_rank, reason_code, candidates
FROM routing.rejection_reasons
ORDER BY week DESC, candidates DESC;
