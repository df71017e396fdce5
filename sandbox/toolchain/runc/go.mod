module gpu-build-host/toolchain/runc

go 1.25.0

require github.com/opencontainers/runc v1.3.4
