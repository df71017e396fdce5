#!/bin/sh
# Pulls the base images through the cache (the guide's second step, reconstructed).
set -eu
for image in "$CUDA_BASE" "$CUDA_DEVEL"; do docker pull --quiet "$image"; done
