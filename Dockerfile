# The service in one image; docker-compose.yml runs its three processes as three containers.
#   docker build -t ptycholive .                                              CPU, with PyTorch as the package index has it
#   docker build -t ptycholive --build-arg TORCH_INDEX=<index of CPU builds> .    CPU, without the CUDA libraries: 5 GB less
#   docker build -t ptycholive:cuda --build-arg TORCH=cuda [--build-arg TORCH_INDEX=<index of CUDA builds>] .

# ---- the dashboard
FROM node:22-slim AS web
WORKDIR /src
COPY clients/web/package.json clients/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY clients/web/ ./
RUN npm run build

# ---- the packages; the full image has the compiler that packages without a wheel need
FROM python:3.12 AS packages
# cpu or cuda: what the image is for. The build fails if the PyTorch that was installed cannot do it.
ARG TORCH=cpu
# A further package index for PyTorch; empty for none.
ARG TORCH_INDEX=
WORKDIR /src
RUN python -m venv /opt/ptycholive
ENV PATH=/opt/ptycholive/bin:$PATH
COPY constraints.txt ./
RUN pip install --no-cache-dir -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch \
    && python -c "import sys, torch; sys.exit('$TORCH' == 'cuda' and torch.version.cuda is None and 'expected a PyTorch with CUDA, got ' + torch.__version__)"
COPY pyproject.toml README.md LICENSE ./
COPY engines/ engines/
COPY service/ service/
COPY clients/ clients/
COPY studies/ studies/
COPY --from=web /src/dist/ clients/web/dist/
RUN pip install --no-cache-dir -c constraints.txt .

# ---- what runs
FROM python:3.12-slim
ARG TORCH=cpu
RUN useradd --create-home --uid 1000 ptycholive && install -d -o ptycholive -g ptycholive /data
COPY --from=packages /opt/ptycholive /opt/ptycholive
# 0.0.0.0 is inside the container: which addresses of the host lead here is for `docker run -p` or the compose file.
# The processes meet through sockets in the volume, so that each can be a container of its own.
ENV PATH=/opt/ptycholive/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PTYCHOLIVE_DATA=/data \
    PTYCHOLIVE_RUNTIME=/data/run \
    PTYCHOLIVE_FILES='["/data/files"]' \
    PTYCHOLIVE_HOST=0.0.0.0 \
    PTYCHOLIVE_INGEST=tcp://0.0.0.0:5555 \
    PTYCHOLIVE_DEVICE=$TORCH
USER ptycholive
WORKDIR /data
VOLUME /data
EXPOSE 8000 5555 5556
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/v1/health', timeout=4)"]
ENTRYPOINT ["ptycholive"]
CMD ["serve"]
