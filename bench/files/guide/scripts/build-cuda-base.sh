#!/bin/sh
# build-cuda-base.sh all|runtime|devel (the guide's third step, reconstructed).
set -eu
build() {
  # shellcheck disable=SC2086
  docker buildx build --builder default --network host --secret "id=ca,src=${CA:-/dev/null}" ${BUILD_PROXY:-} \
    --build-arg "CUDA_BASE=$CUDA_BASE" --build-arg "LOCK=$LOCK" \
    --tag "cuda-base:$1-$CUDA" --file "cuda-base/Dockerfile.$1" cuda-base
}
case "${1:-all}" in
  all) build runtime && build devel ;;
  runtime | devel) build "$1" ;;
  *) echo "build-cuda-base.sh: all, runtime or devel, got '$1'" >&2 && exit 2 ;;
esac
