FROM python:3.11-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/alertprof UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
ARG npm_config_registry
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --all-extras --no-install-project
COPY hatch_build.py npm-lock.toml ./
COPY app app
RUN uv sync --frozen --no-dev --all-extras --no-editable

FROM python:3.11-slim
RUN useradd --system --uid 65532 --user-group --create-home --home-dir /var/lib/alertprof alertprof
COPY --from=build /opt/alertprof /opt/alertprof
ENV PATH=/opt/alertprof/bin:$PATH PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /var/lib/alertprof
VOLUME ["/var/lib/alertprof"]
EXPOSE 9911
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9911/-/healthy', timeout=4)"]
ENTRYPOINT ["alertprof"]
CMD ["serve", "--config.file=/etc/alertprof/alertprof.yml", "--web.listen-address=0.0.0.0:9911", "--storage.path=/var/lib/alertprof"]
