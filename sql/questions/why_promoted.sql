-- Why is a version the champion, or why is it not?
SELECT decided_at, decision, model_version, champion, decided_by, decided_via, reason, exact_match, champion_exact_match, difference, verdict
FROM routing.model_decisions
ORDER BY id DESC;
