# One image per service: docker build --file deploy/docker/service.Dockerfile --build-arg SERVICE=sink_cassandra .
FROM python:3.11.14-slim-bookworm
ARG SERVICE
RUN test -n "$SERVICE" && useradd --system --uid 10001 --no-create-home headrace \
    # A volume that is mounted here is the user's own.
    && install -d /var/lib/headrace && cd /var/lib/headrace \
    && install -d -o headrace sources training models registry subjects

WORKDIR /app
COPY requirements/${SERVICE}.txt requirements.txt
# Wheels only: the image has no compiler, and building a package runs its code.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes -r requirements.txt

COPY schemas schemas
COPY deploy/routes.yaml deploy/device_types.yaml deploy/
COPY deploy/sources deploy/sources
COPY deploy/models deploy/models
COPY deploy/recommendations.yaml deploy/recommendations.yaml
COPY deploy/experiments deploy/experiments
# What the shop page of serve_api uses.
COPY clients/javascript clients/javascript
COPY services/headrace services/headrace
COPY services/${SERVICE} services/${SERVICE}
RUN python -m compileall -q services

ENV PYTHONPATH=/app/services PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SERVICE=${SERVICE}
USER headrace
CMD ["sh", "-c", "exec python -m \"$SERVICE\""]
