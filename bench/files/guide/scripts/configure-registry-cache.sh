#!/bin/sh
# Starts the registry cache and points Docker at it (the guide's first step, reconstructed).
# UPSTREAM stays in the list behind it: it stands for Docker Hub, which Docker falls back to by itself.
set -eu
docker compose up -d registry-cache
cat > "$DAEMON_JSON" <<JSON
{ "registry-mirrors": ["http://127.0.0.1:$CACHE_PORT", "$UPSTREAM"] }
JSON
# The guide restarts Docker; a reload is enough for this key and quicker.
kill -HUP "$DOCKERD_PID"
until docker info --format '{{json .RegistryConfig.Mirrors}}' | grep -q ":$CACHE_PORT"; do sleep 0.1; done
