# What kube-proxy calls: iptables, its plug-ins and the libraries of both, out of the node's Debian.
ARG NODE
FROM ${NODE} AS node
RUN set -eu; \
    mkdir -p /out/run; \
    programs="$(ls /usr/sbin/*tables* /usr/sbin/nft /usr/sbin/conntrack)"; \
    cp -a --parents $programs /etc/alternatives/*tables* /usr/lib/*/xtables /out; \
    libraries="$(ldd $programs /usr/lib/*/xtables/*.so 2>/dev/null | grep -o '/[^ :]*\.so[.0-9]*' | grep -v xtables/ | sort -u)"; \
    cp -L --parents $libraries /out
FROM scratch
COPY --from=node /out /
# A plug-in with a library of its own. Without it kube-proxy would stop in silence at a Service's second pod.
RUN ["/usr/sbin/iptables", "-m", "statistic", "--help"]
