-- One row of the ledger of deletions; its number.
INSERT INTO deletions (kind, who, reason, deleted) VALUES (%(kind)s, %(who)s, %(reason)s, %(deleted)s)
RETURNING deletion_id
