"""What answers look like, for the API's description: a module a subject, as the routes are."""
