/** Commands as a person can type them: they reach the stack that was looked at, not the sandbox. */

/** e.g. `"pulumi config set --stack dev --path gpu-build-host:registryCache.port 5001"`. */
export function setCommand(stack: string, key: string, value: string): string {
  const name = `gpu-build-host:${key}`;
  return `pulumi config set --stack ${stack} --path ${/["[]/.test(name) ? `'${name}'` : name} ${value}`;
}

/** e.g. `"npm run doctor -- --stack dev --fix"`; the sandbox needs no `--stack`. */
export function npmCommand(command: string, stack: string, ...options: string[]): string {
  const all = [...(stack === "sandbox" ? [] : ["--stack", stack]), ...options];
  return [command, ...(all.length > 0 ? ["--", ...all] : [])].join(" ");
}
