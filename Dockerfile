# docker build -t gemini-tumbler . && docker run -p 127.0.0.1:3000:3000 -v tumbler:/data gemini-tumbler
# docs/operations.md says what belongs to it; docs/examples/compose.yaml runs it with PostgreSQL and Redis.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    TUMBLER_DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=3000

RUN useradd --system --uid 10001 tumbler && install --directory --owner=tumbler --mode=0700 /data
WORKDIR /srv/tumbler
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY . .

USER tumbler
VOLUME /data
EXPOSE 3000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/readyz')"]
CMD ["python", "manage.py", "serve", "--prepare", "--server", "uvicorn"]
