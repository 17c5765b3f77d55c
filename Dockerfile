# The service and the web page; one image, one command each (see compose.yaml). Training happens outside: the MovieLens sample
# may not be redistributed, so no image holds it.
FROM python:3.12-slim-bookworm AS build
COPY requirements.lock /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY online online
COPY recommender recommender
COPY training training
COPY serving serving
COPY webapp webapp
COPY movierec movierec
COPY configs configs
COPY data/credits data/credits
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.12-slim-bookworm
COPY --from=build /venv /venv
WORKDIR /app
RUN useradd --system --uid 10001 --no-create-home movierec \
    && install -d -o movierec /srv/models /srv/artifacts

# Everything that is written goes to /srv/models and a registry's /srv/artifacts (volumes) or /tmp (a tmpfs): the root file system may be read-only.
ENV PATH=/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MOVIEREC_HOST=0.0.0.0 \
    MOVIEREC_STORE_DIR=/srv/models
VOLUME /srv/models /srv/artifacts
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["movierec", "serve"]
