/** An error as Pulumi tells it: of a resource, or of the run as a whole. */
export interface RunError {
  /** Name of the resource, e.g. `"registry-cache-server"`. */
  name?: string;
  message: string;
}

/** Words that Pulumi and its plugins put around the reason. */
const wrapping: [RegExp, string][] = [
  [/^sdk-v2\/\S+: sdk\.helper_schema: /gm, ""],
  [/: provider=\w+@[\w.+-]+$/gm, ""],
  [/^error: /gm, ""],
  [/^\d+ errors? occurred:\s*\n?\s*\* /gm, ""],
  [/^(?:creating|updating|deleting|refreshing|reading) urn:\S+: /gm, ""],
];

/** Sentences that only say that something failed, or repeat what another one says. */
const empty = [
  /^update failed$/,
  /^preview failed$/,
  /^resource registration failed$/i,
  /^resource monitor shut down while waiting/i,
  /exited prematurely/,
  /^BAIL: /,
];

/**
 * Turns Pulumi's errors into lines for a person: a line for each thing that went wrong, without the plugin's wrapping
 * and without repetition. `"registry-cache-server: Unable to create container: …"`
 */
export function readableErrors(errors: RunError[]): string[] {
  const found: RunError[] = [];
  for (const { name, message } of errors) {
    if (empty.some((pattern) => pattern.test(message.trim()))) continue;
    const text = unwrapped(message);
    if (!text) continue;
    const said = found.find(
      (other) => other.name === name && (other.message.includes(text) || text.includes(other.message)),
    );
    if (!said) found.push({ ...(name && { name }), message: text });
    else if (text.length < said.message.length) said.message = text;
  }
  return found.map(({ name, message }) => (name && !isProgram(name) ? `${name}: ${message}` : message));
}

function unwrapped(message: string): string {
  let text = message;
  for (const [pattern, replacement] of wrapping) text = text.replace(pattern, replacement);
  text = text.trim();
  if (/error reading from server: EOF|transport is closing/i.test(text))
    return "the provider of this project ended in the middle of its work. Run the same command again to go on";
  return text;
}

/** Errors of the program itself appear on the stack's own resource. */
function isProgram(name: string): boolean {
  return name.startsWith("gpu-build-host-");
}

/** One line for a passphrase that is missing or wrong, whichever way Pulumi says it; undefined for anything else. */
export function passphraseAdvice(text: string): string | undefined {
  const wrong = /incorrect passphrase/.test(text);
  if (!wrong && !/passphrase must be set/.test(text)) return undefined;
  const what = wrong ? "does not fit this stack" : "is not set";
  return `PULUMI_CONFIG_PASSPHRASE ${what}. Nothing is encrypted here, so it is the empty one: export PULUMI_CONFIG_PASSPHRASE=""`;
}
