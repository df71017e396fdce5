/** What `pulumi up --json` and its sisters print: one engine event a line. Only what is read here is named. */
export interface EngineEvent {
  resourcePreEvent?: { metadata: StepMetadata };
  resOutputsEvent?: { metadata: StepMetadata };
  resOpFailedEvent?: { metadata: StepMetadata };
  diagnosticEvent?: { urn?: string; message: string; severity: string; ephemeral?: boolean };
  summaryEvent?: { resourceChanges?: Record<string, number> };
}

export interface StepMetadata {
  op: string;
  urn: string;
  type: string;
  /** The resource after the step; null when it is deleted. */
  new?: { inputs?: Record<string, unknown> } | null;
}

/** How one resource changed in a run. */
export interface Change {
  op: string;
  type: string;
  name: string;
}

/** Cuts a stream of text into the events in it; a line that is no event is handed to `onText`. */
export function eventReader(
  onEvent: (event: EngineEvent) => void,
  onText: (line: string) => void,
): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = line.startsWith("{") ? parsed(line) : undefined;
      if (event) onEvent(event);
      else if (line.trim()) onText(line);
    }
  };
}

function parsed(line: string): EngineEvent | undefined {
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}

/** `"whisperx"` of `urn:pulumi:…::whisperx`. */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

const unchanged = new Set(["same", "refresh", "read"]);

/** True for a step that changes something: creating, updating, replacing, deleting. */
export function isChange(step: StepMetadata): boolean {
  return !unchanged.has(step.op) && step.type !== "pulumi:pulumi:Stack";
}

/** Pulumi's words without its colour marks and prefixes. */
export function plainText(message: string): string {
  return message
    .replace(/<\{%[^%]*%\}>/g, "")
    .replace(/\u001b\[[0-9;]*m/g, "")
    .trim();
}
