-- One vector of a benchmark.
INSERT INTO bench_pool VALUES (%(i)s, %(features)s, %(probability)s)
