# As the official images of the pip era: LiteLLM beside the system's Python, and its sources in the
# working directory, where they are a decoy for whoever imports from there.
ARG PYTHON
FROM ${PYTHON}
COPY site /usr/lib/python3.13/site-packages
COPY litellm /usr/bin/litellm
# Debian's Python looks into dist-packages only; the images' one looks here too.
RUN echo /usr/lib/python3.13/site-packages > /usr/local/lib/python3.13/dist-packages/as-the-images.pth \
    && sed -i 's|^#!.*|#!/usr/bin/python3.13|' /usr/bin/litellm \
    && mkdir /app \
    && cp -r /usr/lib/python3.13/site-packages/litellm /app/litellm
WORKDIR /app
ENTRYPOINT ["litellm"]
CMD ["--port", "4000"]
