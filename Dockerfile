# The gateway, from the wheels in dist/ that docs/install.md makes; the build itself needs no network.
# In production give both images by digest: --build-arg PYTHON_IMAGE=<name>@sha256:<digest>
ARG PYTHON_IMAGE=python:3.11-slim-trixie
# Anything with the same interpreter at the same path; no shell is needed.
ARG RUNTIME_IMAGE=${PYTHON_IMAGE}

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/runtime.txt
COPY dist/ dist/
RUN python3 -m venv --without-pip /opt/perimeter
RUN python3 -m pip --python /opt/perimeter/bin/python install --no-index --find-links dist/wheels \
    --require-hashes --no-deps -r requirements/runtime.txt
RUN python3 -m pip --python /opt/perimeter/bin/python install --no-index --no-deps dist/*.whl

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="Perimeter gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
COPY --from=build /opt/perimeter /opt/perimeter
USER 65532:65532
WORKDIR /etc/perimeter
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/perimeter/bin/perimeter"]
CMD ["serve", "/etc/perimeter/perimeter.yaml"]
