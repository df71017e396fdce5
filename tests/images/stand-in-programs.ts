/** What a stand-in for pip and uv has in common: files instead of packages, the same ones for the same lock. */
const install = `target=/usr/local/lib/stand-in lock= things=
while [ $# -gt 0 ]; do
  case $1 in
    -r) lock=$2; shift ;;
    --dest|--wheel-dir|--out-dir|--target) target=$2; shift ;;
    --only-binary|--python|--link-mode) shift ;;
    -*) ;;
    *) things="$things $1" ;;
  esac
  shift
done
mkdir -p "$target"
content=$(
  if [ -n "$lock" ]; then grep '^[a-z]' "$lock"; fi
  for thing in $things; do
    if [ -d "$thing" ]; then find "$thing" -type f | sort | xargs cat; elif [ -f "$thing" ]; then cat "$thing"; else echo "$thing"; fi
  done
)
echo "$content" > "$target/installed-$(echo "$content" | md5sum | cut -c 1-8).whl"
`;

/** Programs that let the project's Dockerfiles build on busybox within seconds and without a network, by path. */
export const standInPrograms: Record<string, string> = {
  "usr/bin/python3": `#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp /usr/share/stand-in/pip "$3/bin/pip" ;;
  "-m pip "*) shift 2 && exec /usr/share/stand-in/pip "$@" ;;
  "-m zipfile -e "*) to=$5/llama_index/core/_static/nltk_cache/tokenizers/punkt_tab && mkdir -p "$to" && cp "$4" "$to/punkt" ;;
  "-m compileall "*) for last; do :; done; find "$last" -name '*.py' | sort | xargs cat > "$last/bytecode" ;;
  "-c "*) echo 3.11 ;;
  *"/kept-wheel "*) while [ "$1" != -- ]; do shift; done && shift && exec "$@" ;;
esac
`,
  "usr/share/stand-in/pip": `#!/bin/sh
action=$1
shift
case "$*" in
  *uv==*) { cat /usr/share/stand-in/uv; echo "# $*"; } > "$(dirname "$0")/uv" && chmod 755 "$(dirname "$0")/uv" && exit ;;
esac
${install}`,
  "usr/share/stand-in/uv": `#!/bin/sh
if [ "$1 $2" = "pip freeze" ]; then cat /opt/base/site/installed-* | sed 's/ .*//'; exit; fi
if [ "$1" = pip ]; then shift; fi
shift
${install}`,
  "usr/bin/apt-get": `#!/bin/sh
case "$*" in *" install "*) mkdir -p /var/lib/stand-in && echo "$*" | sed 's/.* install //' >> /var/lib/stand-in/packages ;; esac
`,
  "usr/bin/apt-cache": "#!/bin/sh\n",
  "usr/bin/apt-mark": "#!/bin/sh\n",
  "usr/bin/dpkg-query": "#!/bin/sh\nexit 1\n",
  "etc/group": "root:x:0:\n",
  "usr/bin/useradd": "#!/bin/sh\nmkdir -p /home/app\n",
  "usr/bin/install": '#!/bin/sh\nshift 3\nmkdir -p "$@" && chmod 1777 "$@"\n',
  "usr/bin/g++": "#!/bin/sh\n",
  "usr/bin/ninja": "#!/bin/sh\n",
  "usr/bin/tini": '#!/bin/sh\nshift && exec "$@"\n',
};
