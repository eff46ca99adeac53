-- All rows of a table of gold, for those who publish or judge its figures.
-- table: identifier, a table of gold
-- columns: identifiers, its columns
-- first: day, the first day
-- last: day, the last day
SELECT dt, ${columns}
FROM ${table}
WHERE dt BETWEEN ${first} AND ${last}
ORDER BY dt, ${columns}
