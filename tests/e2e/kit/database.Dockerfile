# LiteLLM's image and what a database takes: see database.py.
ARG LITELLM
FROM ${LITELLM}
USER root
ARG SITE
ARG PLACE
# A client of the image's own would ask for the native query engine, and migrate by itself.
RUN rm -rf ${SITE}/prisma* /app/.venv/bin/prisma*
COPY client ${SITE}
COPY database ${PLACE}
ENV PRISMA_QUERY_ENGINE_BINARY=${PLACE}/query-engine PRISMA_SCHEMA_ENGINE_BINARY=${PLACE}/schema-engine
