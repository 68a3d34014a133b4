SELECT ranked.[item_cd], ranked.[rout_no__0], ranked.[rout_no__1], ranked.[proc_seq], ranked.[job_cd], ranked.[job_nm] 
FROM (SELECT CAST(main.[PART] AS NVARCHAR(101)) AS [item_cd], CAST(main.[R] AS NVARCHAR(51)) AS [rout_no__0], CAST(main.[X] AS NVARCHAR(51)) AS [rout_no__1], main.[SEQ] AS [proc_seq], CAST(main.[JOB] AS NVARCHAR(51)) AS [job_cd], CAST(attr.[nm] AS NVARCHAR(256)) AS [job_nm], rank() OVER (PARTITION BY main.[PART] ORDER BY CASE WHEN (main.[DAY] IS NULL) THEN 1 ELSE 0 END, CASE WHEN (len(ltrim(rtrim(main.[DAY]))) < 8) THEN len(ltrim(rtrim(main.[DAY]))) ELSE 8 END DESC, main.[DAY] DESC) AS latest_rank 
FROM [STEP] AS main LEFT OUTER JOIN [TXT] AS t ON main.[JOB] = t.[JOB] AND t.[LANG] = 'E' LEFT OUTER JOIN (SELECT attr_attr.[PART] AS pivot_key_0, CASE WHEN (min(CASE WHEN (attr_attr.[K] = 'NAME') THEN CAST(attr_attr.[V] AS NVARCHAR(4000)) END) = max(CASE WHEN (attr_attr.[K] = 'NAME') THEN CAST(attr_attr.[V] AS NVARCHAR(4000)) END)) THEN max(CASE WHEN (attr_attr.[K] = 'NAME') THEN CAST(attr_attr.[V] AS NVARCHAR(4000)) END) END AS [nm] 
FROM [ATTR] AS attr_attr 
WHERE attr_attr.[K] IN ('NAME') GROUP BY attr_attr.[PART]) AS attr ON main.[PART] = attr.pivot_key_0 
WHERE ((main.[X] NOT IN ('A', 'B')) OR main.[X] IS NULL) AND main.[X] != '' AND main.[X] IS NOT NULL) AS ranked 
WHERE ranked.latest_rank = 1
