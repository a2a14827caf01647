-- This transaction's commit does not wait for the disk; a later one that does makes it durable too.
SET LOCAL synchronous_commit = off
