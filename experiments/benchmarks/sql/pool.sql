-- Vectors that a benchmark's predictions repeat; numbered from 0.
CREATE TABLE bench_pool (i integer PRIMARY KEY, features double precision[] NOT NULL, probability double precision NOT NULL)
