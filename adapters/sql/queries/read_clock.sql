-- The clock's mode and, when simulated, its moment. Always one row.
SELECT mode, simulated_now FROM clock
