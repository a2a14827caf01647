-- An alert that the watchman opened under the rule's earlier name is resolved under its new one. When no earlier
-- code runs any more: until then that code looks for the earlier name.
UPDATE alerts a SET rule = 'a day was not monitored'
WHERE a.rule = 'a night was not judged'
  AND (a.resolved_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM alerts o WHERE o.rule = 'a day was not monitored' AND o.slice = a.slice AND o.resolved_at IS NULL));
