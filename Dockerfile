# The image of every pod that runs this project's code: the code server, runs and their steps.
#     docker build --tag registry/recs_assets:1 .
#     docker build --build-arg COMPUTE=cuda --tag registry/recs_assets:1-cuda .
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    VIRTUAL_ENV=/venv \
    PATH=/venv/bin:$PATH

# What changes least comes first: a new version of the code installs nothing but itself, a new lock file everything but torch.
WORKDIR /build
RUN python -m venv /venv

# cpu: wheels without CUDA, 0.2 GB; cuda: those of PyPI, which bring their CUDA with them, several GB.
ARG COMPUTE=cpu
# The version of requirements.lock.
ARG TORCH=2.13.0
RUN case "$COMPUTE" in \
      cpu) pip install --extra-index-url https://pypi.org/simple --index-url https://download.pytorch.org/whl/cpu "torch==$TORCH" ;; \
      cuda) pip install "torch==$TORCH" ;; \
      *) echo "COMPUTE=$COMPUTE: it is cpu or cuda" >&2; exit 2 ;; \
    esac

COPY pyproject.toml requirements.lock recs_assets/deploy/requirements.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > needed.txt \
 && pip install --constraint requirements.lock --requirement requirements.txt --requirement needed.txt

COPY README.md ./
COPY recs_assets recs_assets
RUN pip install --no-deps . && rm -rf /build

# A number, so that Kubernetes can see that it is not root's.
RUN useradd --uid 10001 --create-home recs
USER 10001
WORKDIR /home/recs
ENV RECS_HOME=/home/recs/work \
    OMP_WAIT_POLICY=PASSIVE
RUN mkdir --mode 700 work
EXPOSE 3030
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "3030", "--module-name", "recs_assets.definitions", "--attribute", "defs"]
