-- The newest rows of the ledger of deletions, newest first.
SELECT kind, who, reason, deleted FROM deletions ORDER BY deletion_id DESC LIMIT %(limit)s
