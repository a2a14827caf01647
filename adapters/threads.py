"""How the threads of numeric libraries wait: variables that are read when those are loaded, so set before."""

CALM = {
    # OpenMP's threads spin while they wait for each other: on a busy machine that made a fit 30 times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
    # OpenBLAS's spin too, and no variable ends that: with two, a small fit took ten times the CPU of one thread.
    "OPENBLAS_NUM_THREADS": "1",
}
