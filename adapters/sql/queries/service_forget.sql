-- Counts of days before :before are gone; the runs' measures made of them stay.
DELETE FROM service_counts WHERE day < %(before)s
