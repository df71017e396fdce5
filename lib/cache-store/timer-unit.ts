/** What a timer runs. */
export interface TimerWish {
  stack: string;
  /** The project's folder. */
  root: string;
  /** Absolute path of Node. */
  node: string;
  /** Folders in which it finds programs, as PATH has them. */
  path: string;
}

/** systemd's units that keep a stack's caches within their limit. */
export interface TimerUnits {
  /** Without its ending, e.g. `"gpu-build-host-cache-dev"`. */
  name: string;
  /** Text by file name. */
  files: Record<string, string>;
}

/**
 * A service that prunes the caches to `registryCache.maxSize`, and a timer that starts it each night. The run also notes the
 * use that the registry's log shows, which holds a few days.
 */
export function timerUnits({ stack, root, node, path }: TimerWish): TimerUnits {
  const name = `gpu-build-host-cache-${stack}`;
  const words = [node, "bootstrap/run.mjs", "cache", "prune", "--stack", stack]
    .map((word) => quoted(word).replaceAll("$", "$$$$")) // only there a $ has a meaning
    .join(" ");
  return {
    name,
    files: {
      [`${name}.service`]: `# Written by gpu-build-host: npm run cache -- timer --stack ${stack}
[Unit]
Description=Keep the registry cache of the stack ${stack} within its limit
After=docker.service

[Service]
Type=oneshot
WorkingDirectory=${escaped(root)}
Environment=${quoted(`PATH=${path}`)}
ExecStart=${words}
Nice=10
IOSchedulingClass=idle
`,
      [`${name}.timer`]: `# Written by gpu-build-host: npm run cache -- timer --stack ${stack}
[Unit]
Description=Keep the registry cache of the stack ${stack} within its limit, each night

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
`,
    },
  };
}

/** A word of a setting that is split at blanks. */
function quoted(word: string): string {
  const text = escaped(word);
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** For every setting: % begins a specifier. */
function escaped(text: string): string {
  return text.replaceAll("%", "%%");
}
