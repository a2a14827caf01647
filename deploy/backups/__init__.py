"""What a backup is, natively and under Compose alike: dumps, copies of folders, sealed secrets, and a manifest."""
