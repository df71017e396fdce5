#!/bin/sh
# Proves that pulls go through the cache: the engine asks for a name that was never asked for, and the cache's own log
# must show it; then the cache fetches one pinned manifest, and its volume must hold it.
# Needs DOCKER_HOST, CACHE_PORT, CACHE_URL (http://127.0.0.1:5000), CACHE_REPOSITORY (library/registry) and CACHE_DIGEST (sha256:…).
set -eu

cache=$(docker ps --quiet --filter label=gpu-build-host.role=registry-cache --filter "label=gpu-build-host.port=$CACHE_PORT")
if [ -z "$cache" ]; then # registryCache.mode: external, and the cache is nobody's whom we know, the guide's for one
  for container in $(docker ps --quiet); do
    if docker inspect --format '{{json .Config.Env}}' "$container" | grep --quiet REGISTRY_PROXY_REMOTEURL=; then cache=$container; fi
  done
fi
if [ -z "$cache" ] && docker buildx imagetools inspect --raw "127.0.0.1:$CACHE_PORT/$CACHE_REPOSITORY@$CACHE_DIGEST" >/dev/null 2>&1; then
  # It runs outside of this engine, so there is no log to look at.
  echo "127.0.0.1:$CACHE_PORT serves $CACHE_REPOSITORY; it is no container of this engine, so whether pulls go through it cannot be seen"
  exit 0
fi
if [ -z "$cache" ]; then
  echo "No running registry cache on port $CACHE_PORT. Start it: pulumi up on the stack that owns it." >&2
  exit 1
fi

# Where its port was taken until now, the engine waits up to a minute before it starts the container again.
is_starting() {
  docker inspect --format '{{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}' "$cache" | grep --quiet --extended-regexp '^restarting|starting$'
}
seconds=0
while is_starting && [ $seconds -lt 60 ]; do
  sleep 1
  seconds=$((seconds + 1))
done

asked=gpu-build-host/probe-$(date +%s%N)
timeout 60 docker pull --quiet "$asked:none" >/dev/null 2>&1 || true # there is no such image: only the question counts
was_asked() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do # the engine passes the cache's words on a moment later
    if docker logs --since 2m "$cache" 2>&1 | grep --quiet "$asked"; then return 0; fi
    sleep 0.5
  done
  return 1
}
if ! was_asked; then
  echo "The engine did not ask the registry cache ($CACHE_URL) for an image. Its mirrors: $(docker info --format '{{json .RegistryConfig.Mirrors}}')" >&2
  exit 1
fi

hex=${CACHE_DIGEST#sha256:}
types='Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json'
fetch() {
  case $CACHE_URL in
    https:*) # busybox has no client certificate to show, the engine has; by another name, or it would use the image that it has
      image=${CACHE_URL#https://}/$CACHE_REPOSITORY@$CACHE_DIGEST
      timeout 60 docker pull --quiet "$image" >/dev/null && docker image rm "$image" >/dev/null ;;
    *) timeout 60 docker exec "$cache" wget -q -O /dev/null --header "$types" "$CACHE_URL/v2/$CACHE_REPOSITORY/manifests/$CACHE_DIGEST" ;;
  esac
}
if ! fetch || ! docker exec "$cache" test -s "/var/lib/registry/docker/registry/v2/blobs/sha256/$(echo "$hex" | cut -c1-2)/$hex/data"; then
  echo "The registry cache cannot fetch and keep $CACHE_REPOSITORY@$CACHE_DIGEST. Its last words:" >&2
  docker logs --tail 3 "$cache" >&2
  exit 1
fi
echo "pulls go through $CACHE_URL"
