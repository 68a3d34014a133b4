-- upgrade

REPLACE VIEW publication_item_changes AS
SELECT
    u.publication_id,
    u.compared_with,
    u.item_cd,
    u.kind,
    u.routing_before,
    u.routing,
    u.confidence_before,
    u.confidence
FROM (SELECT b.id AS publication_id, w.id AS compared_with, i.item_cd AS item_cd, CASE WHEN (was.item_cd IS NULL OR was.shown = 0) THEN 'new' WHEN (i.item_cd IS NULL OR i.shown = 0) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind, c0.routing_code AS routing_before, c1.routing_code AS routing, c0.confidence AS confidence_before, c1.confidence AS confidence
FROM publication AS b JOIN publication_change AS d ON d.publication_id = b.id AND d.kind = 'new' JOIN publication AS w ON w.id = d.compared_with AND w.purged_at IS NULL JOIN item_version AS i ON i.from_publication > w.id AND i.from_publication <= b.id AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER JOIN item_version AS was ON was.item_cd = i.item_cd AND was.from_publication <= w.id AND NOT (EXISTS (SELECT 1
FROM item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER JOIN candidate AS c1 ON c1.publication_id = i.from_publication AND c1.item_cd = i.item_cd AND c1.candidate_rank = 1 LEFT OUTER JOIN candidate AS c0 ON c0.publication_id = was.from_publication AND c0.item_cd = was.item_cd AND c0.candidate_rank = 1
WHERE w.id < b.id AND b.published_at IS NOT NULL AND b.purged_at IS NULL AND (i.shown = 1 OR was.shown = 1) AND (was.item_cd IS NULL OR was.shown = 0 OR i.item_cd IS NULL OR i.shown = 0 OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL) UNION ALL SELECT b.id AS publication_id, w.id AS compared_with, was.item_cd AS item_cd, CASE WHEN (was.item_cd IS NULL OR was.shown = 0) THEN 'new' WHEN (i.item_cd IS NULL OR i.shown = 0) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind, c0.routing_code AS routing_before, c1.routing_code AS routing, c0.confidence AS confidence_before, c1.confidence AS confidence
FROM publication AS b JOIN publication_change AS d ON d.publication_id = b.id AND d.kind = 'new' JOIN publication AS w ON w.id = d.compared_with AND w.purged_at IS NULL JOIN item_version AS was ON was.from_publication > b.id AND was.from_publication <= w.id AND NOT (EXISTS (SELECT 1
FROM item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER JOIN item_version AS i ON i.item_cd = was.item_cd AND i.from_publication <= b.id AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER JOIN candidate AS c1 ON c1.publication_id = i.from_publication AND c1.item_cd = i.item_cd AND c1.candidate_rank = 1 LEFT OUTER JOIN candidate AS c0 ON c0.publication_id = was.from_publication AND c0.item_cd = was.item_cd AND c0.candidate_rank = 1
WHERE w.id > b.id AND b.published_at IS NOT NULL AND b.purged_at IS NULL AND (i.shown = 1 OR was.shown = 1) AND (was.item_cd IS NULL OR was.shown = 0 OR i.item_cd IS NULL OR i.shown = 0 OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL)) AS u;

-- downgrade

REPLACE VIEW publication_item_changes AS
SELECT
    b.id AS publication_id,
    w.id AS compared_with,
    i.item_cd,
    CASE WHEN (was.item_cd IS NULL OR was.shown = 0) THEN 'new' WHEN (i.shown = 0) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind,
    c0.routing_code AS routing_before,
    c1.routing_code AS routing,
    c0.confidence AS confidence_before,
    c1.confidence
FROM publication AS b
    JOIN publication_change AS d ON d.publication_id = b.id
    AND d.kind = 'new'
    JOIN publication AS w ON w.id = d.compared_with
    AND w.id < b.id
    AND w.purged_at IS NULL
    JOIN item_version AS i ON i.from_publication > w.id
    AND i.from_publication <= b.id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER
    JOIN item_version AS was ON was.item_cd = i.item_cd
    AND was.from_publication <= w.id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER
    JOIN candidate AS c1 ON c1.publication_id = i.from_publication
    AND c1.item_cd = i.item_cd
    AND c1.candidate_rank = 1 LEFT OUTER
    JOIN candidate AS c0 ON c0.publication_id = was.from_publication
    AND c0.item_cd = was.item_cd
    AND c0.candidate_rank = 1
WHERE b.published_at IS NOT NULL
    AND b.purged_at IS NULL
    AND (i.shown = 1 OR was.shown = 1)
    AND (was.item_cd IS NULL OR was.shown = 0 OR i.shown = 0 OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL);
