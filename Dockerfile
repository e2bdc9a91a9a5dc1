# docker build -t bellman-bench . && docker run --rm -v "$PWD/results/local:/bench/results/local" bellman-bench
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /bench
ENV PIP_NO_CACHE_DIR=1 \
    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

COPY pyproject.toml constraints.txt README.md LICENSE Makefile ./
COPY harness harness
COPY envs envs
COPY baselines baselines
RUN make .venv/.installed
COPY . .
RUN touch .venv/.installed

CMD ["make", "bench"]
