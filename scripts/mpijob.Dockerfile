# An image for scripts/mpijob.yaml: Deno, Open MPI, an SSH server as the MPI operator starts it, Vulkan's loader for GPUs, oneDNN
# for nodes without one, and the data set.
#   docker build -f scripts/mpijob.Dockerfile -t REGISTRY/alexnet-mpi . && docker push REGISTRY/alexnet-mpi
FROM debian:bookworm

ARG port=2222

RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates openmpi-bin openssh-server openssh-client libcap2-bin \
    libvulkan1 mesa-vulkan-drivers libdnnl-dev dataset-fashion-mnist \
    && rm -rf /var/lib/apt/lists/*

COPY --from=denoland/deno:bin-2.9.6 /deno /usr/local/bin/deno

# As the operator needs it: keys come from a secret, which nobody may write to, and the server runs as an ordinary user.
RUN mkdir -p /run/sshd \
    && setcap CAP_NET_BIND_SERVICE=+eip /usr/sbin/sshd \
    && printf 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\nPort %s\n' "$port" \
       > /etc/ssh/ssh_config.d/mpi.conf \
    && useradd -m -u 1000 mpiuser \
    && printf 'PidFile /home/mpiuser/sshd.pid\nHostKey /home/mpiuser/.ssh/id_rsa\nStrictModes no\nPort %s\n' "$port" \
       > /home/mpiuser/.sshd_config

USER mpiuser
WORKDIR /home/mpiuser

# So that no node fetches it when training begins.
RUN deno cache jsr:@x/alexnet
