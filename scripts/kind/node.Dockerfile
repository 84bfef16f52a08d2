# A node before Kubernetes: Debian with systemd and containerd, and the files of kind's own base image.
ARG DEBIAN
FROM ${DEBIAN}
COPY files/ /
COPY single-node.conflist /etc/cni/net.d/10-single-node.conflist
# kind's files expect containerd and the CNI plug-ins where kind's own image has them.
RUN set -eu; \
    ln -s /usr/bin/containerd /usr/local/bin/containerd; \
    mkdir -p /opt/cni /etc/kubernetes/manifests; \
    ln -s /usr/lib/cni /opt/cni/bin
# Else packets for a pod that is gone leave the machine, and whoever is there answers. Each pod has a
# more special route; the range is that of single-node.conflist.
RUN printf '%s\n' \
      [Unit] "Description=no way out to pods that are gone" \
      [Service] Type=oneshot "ExecStart=/sbin/ip route replace unreachable 10.244.0.0/24" \
      [Install] WantedBy=multi-user.target > /etc/systemd/system/no-way-out.service
# systemd starts containerd, the kubelet and our services, nothing else. No kernel log is to be had.
RUN set -eu; \
    rm -f /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
      /lib/systemd/system/multi-user.target.wants/* /lib/systemd/system/local-fs.target.wants/* \
      /lib/systemd/system/basic.target.wants/* /etc/systemd/system/*.wants/* \
      /lib/systemd/system/sockets.target.wants/*udev* /lib/systemd/system/sockets.target.wants/*initctl*; \
    echo ReadKMsg=no >> /etc/systemd/journald.conf; \
    systemctl enable kubelet containerd undo-mount-hacks no-way-out; \
    systemctl mask systemd-binfmt; \
    rm -f /etc/machine-id
# How containers are run: containerd's default and kind's hook, without the limits of this build.
RUN ctr oci spec | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    > /etc/containerd/cri-base.json
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
