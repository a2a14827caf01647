# The images of ontime, one target each: api, mlflow, prefect, worker. `make images` builds them.
# Libraries come before code, so that a change of code rebuilds in seconds.

ARG PYTHON_DIGEST=
FROM python:3.13-slim-trixie${PYTHON_DIGEST} AS python

FROM python AS base
# Threads that wait do not spin: see adapters/threads.py.
ENV PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=PASSIVE \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/venv/bin:$PATH \
    HOME=/tmp
RUN groupadd --gid 10001 ontime \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ontime \
 && install -d -o ontime -g ontime /state /state/spool /state/models /state/reference /state/reports /state/data /artifacts

# LightGBM's library is compiled against OpenMP.
FROM base AS base-openmp
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# uv puts locked wheels into /venv, which has no pip; nothing of this stage but that folder is kept.
FROM python AS builder
COPY requirements/bootstrap.txt /requirements/
RUN pip install --quiet --no-cache-dir --require-hashes --root-user-action=ignore -r /requirements/bootstrap.txt \
 && uv venv --quiet /venv
ENV VIRTUAL_ENV=/venv UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_HTTP_TIMEOUT=180

# Small: no tests and headers of numpy, no source maps and old Swagger UI.
FROM builder AS api-libraries
COPY requirements/api.txt /requirements/
RUN UV_COMPILE_BYTECODE=0 uv pip sync --quiet --require-hashes /requirements/api.txt \
 && cd "$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && find numpy -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
 && find . \( -name '*.js.map' -o -name '*.css.map' \) -delete \
 && rm -rf flasgger/ui2 \
 && /venv/bin/python -m compileall -q .

FROM builder AS mlflow-libraries
COPY requirements/mlflow.txt /requirements/
RUN uv pip sync --quiet --require-hashes /requirements/mlflow.txt

FROM builder AS prefect-libraries
COPY requirements/prefect.txt /requirements/
RUN uv pip sync --quiet --require-hashes /requirements/prefect.txt

FROM builder AS worker-libraries
COPY requirements/worker.txt /requirements/
RUN uv pip sync --quiet --require-hashes /requirements/worker.txt

# Servers of others: their libraries and the way to hand them secrets.
FROM base AS mlflow
COPY --from=mlflow-libraries /venv /venv
COPY deploy/images/entrypoints /entrypoints
# The check of the password, under the name by which MLflow finds it.
WORKDIR /ontime
COPY adapters/__init__.py adapters/mlflow_access.py adapters/
# A checkout keeps its files to their owner where it was made with umask 077; here another user reads them.
RUN chmod -R a+rX /ontime /entrypoints \
 && install -d ontime-0.dist-info \
 && printf 'Metadata-Version: 2.1\nName: ontime\nVersion: 0\n' >ontime-0.dist-info/METADATA \
 && printf '[mlflow.app]\nontime = adapters.mlflow_access:create_app\n' >ontime-0.dist-info/entry_points.txt
ENV PYTHONPATH=/ontime
USER 10001:10001
EXPOSE 5000
ENTRYPOINT ["/entrypoints/mlflow.sh"]

FROM base AS prefect
COPY --from=prefect-libraries /venv /venv
COPY deploy/images/entrypoints /entrypoints
RUN chmod -R a+rX /entrypoints
USER 10001:10001
EXPOSE 4200
ENTRYPOINT ["/entrypoints/prefect.sh"]

# The API, the shipper and the feature refresher: numpy, Flask and PostgreSQL, nothing that trains.
FROM base-openmp AS api
COPY --from=api-libraries /venv /venv
COPY deploy/images/entrypoints /entrypoints
WORKDIR /ontime
COPY domain domain
COPY adapters adapters
COPY services services
COPY app app
COPY deploy/__init__.py deploy/
COPY deploy/pipeline/__init__.py deploy/pipeline/trial.py deploy/pipeline/
RUN chmod -R a+rX /ontime /entrypoints && python -m compileall -q -j 0 /ontime
ARG GIT_COMMIT=unknown
ENV ONTIME_GIT_COMMIT=$GIT_COMMIT PYTHONPATH=/ontime
LABEL org.opencontainers.image.revision=$GIT_COMMIT
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "-c", "app/gunicorn_conf.py", "app:create_app()"]

# Prefect's worker, and with it every flow, the migrations and the feed.
FROM base-openmp AS worker
COPY --from=worker-libraries /venv /venv
COPY deploy/images/entrypoints /entrypoints
WORKDIR /ontime
COPY domain domain
COPY adapters adapters
COPY data data
COPY services services
COPY training training
COPY monitoring monitoring
COPY flows flows
COPY replay replay
COPY app app
COPY deploy/__init__.py deploy/certificate.py deploy/pids.py deploy/secret_files.py deploy/status.py deploy/validity.py \
  deploy/
COPY deploy/backups deploy/backups
COPY deploy/native deploy/native
COPY deploy/pipeline/__init__.py deploy/pipeline/trial.py deploy/pipeline/
COPY ontime ontime
RUN chmod -R a+rX /ontime /entrypoints && python -m compileall -q -j 0 /ontime && ln -s /entrypoints/ontime /usr/local/bin/ontime
ARG GIT_COMMIT=unknown
ENV ONTIME_GIT_COMMIT=$GIT_COMMIT PYTHONPATH=/ontime
LABEL org.opencontainers.image.revision=$GIT_COMMIT
USER 10001:10001
ENTRYPOINT ["/entrypoints/worker.sh"]
CMD ["python", "-m", "flows.worker"]
