# syntax=docker/dockerfile:1
# The one image of all services: `commonplace serve --apps …`, `commonplace worker`, `commonplace migrate`.

ARG PYTHON=3.11.13-slim-bookworm

# Everything that is only needed to build stays in this stage. All dependencies come by their hashes, and as
# wheels but for http-ece and pyvips, which are published as Python alone.
FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/commonplace \
    && python -m venv /opt/tools \
    && /opt/tools/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/build.txt \
    && /opt/tools/bin/python -m pip --python /opt/commonplace/bin/python install \
        --require-hashes --only-binary :all: --no-binary http-ece,pyvips -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /build/dist \
    && /opt/tools/bin/python -m pip --python /opt/commonplace/bin/python install --no-deps --no-index dist/*.whl \
    && find /opt/commonplace -type d \( -name tests -o -name include \) -prune -exec rm -r {} + \
    && find /opt/commonplace -type f \( -name "*.pyx" -o -name "*.pxd" -o -name "*.c" -o -name "*.pyi" \) -delete \
    && python -m compileall -q -j 0 /opt/commonplace/lib

FROM python:${PYTHON} AS runtime
# Neither pip nor a compiler: what runs here installs nothing.
RUN groupadd --gid 10001 commonplace \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin commonplace \
    && install -d -o 10001 -g 10001 -m 0700 /data \
    && rm -rf /usr/local/lib/python3.11/site-packages/pip* /usr/local/lib/python3.11/site-packages/setuptools* \
        /usr/local/lib/python3.11/site-packages/wheel* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip*
COPY --from=build /opt/commonplace /opt/commonplace
ENV PATH=/opt/commonplace/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    COMMONPLACE_DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
USER 10001:10001
# That the process answers; whether database and storage do as well is `/health`, for whoever watches the installation.
HEALTHCHECK --interval=30s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/live', timeout=2)"]
ENTRYPOINT ["commonplace"]
CMD ["serve"]
