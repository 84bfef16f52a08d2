# As the official images of the uv era: LiteLLM in a virtual environment below the working directory.
ARG PYTHON
FROM ${PYTHON}
RUN python3.13 -m venv --without-pip /app/.venv
COPY site /app/.venv/lib/python3.13/site-packages
COPY litellm /app/.venv/bin/litellm
RUN sed -i 's|^#!.*|#!/app/.venv/bin/python3|' /app/.venv/bin/litellm
ENV PATH=/app/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /app
ENTRYPOINT ["litellm"]
CMD ["--port", "4000"]
