-- Which publication did readers see from when to when?
SELECT visible_from, visible_until, publication_id, event, done_by, model_version, candidates, items_changed
FROM routing.publication_shown
ORDER BY visible_from DESC;
