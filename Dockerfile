# One image for every service of docker-compose.yml: the product and its Airflow, run by an ordinary user.
FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    CATALOG_FEEDS_HOME=/var/lib/catalog-feeds \
    AIRFLOW_HOME=/var/lib/catalog-feeds/airflow \
    PYTHONPATH=/opt/catalog-feeds \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/catalog-feeds/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/catalog-feeds/dags/plugins

WORKDIR /opt/catalog-feeds

# Before the sources, so that a change of code does not install everything again. What only tests need stays out:
# the lock serves as constraints, and its hashes are verified all the same.
COPY requirements.in requirements.lock requirements-bootstrap.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-bootstrap.lock \
 && uv pip install --system --no-cache --compile-bytecode --verify-hashes \
        -r requirements.in setuptools --constraint requirements.lock

# Editable: reference_data/ is read beside the package.
COPY pyproject.toml README.md LICENSE ./
COPY pipelines pipelines
COPY dags dags
COPY expectations expectations
COPY reference_data reference_data
RUN uv pip install --system --no-cache --no-deps --no-build-isolation --editable . \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/catalog-feeds catalog-feeds

USER catalog-feeds
VOLUME /var/lib/catalog-feeds
CMD ["catalog-feeds", "--help"]
