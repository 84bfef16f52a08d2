# An image whose endpoints.py nobody knows: somebody has patched it.
ARG IMAGE
FROM ${IMAGE}
ARG MODULE
USER root
RUN echo '# changed by somebody' >> ${MODULE}
