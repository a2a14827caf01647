-- The planner knows the tables as they are now.
SELECT analyze_events()
