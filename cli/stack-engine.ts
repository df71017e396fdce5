import { engineAt, type Engine } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { checkStackFile, settingsOfStackFile } from "../lib/settings/load.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { projectRoot } from "./stack-context.ts";

/** A stack's settings and its engine, which must run: for commands that need neither Pulumi nor its state. */
export async function stackWithEngine(
  stack: string,
): Promise<{ settings: Settings; engine: Engine; engineId: string }> {
  checkStackFile(projectRoot, stack);
  const settings = settingsOfStackFile(projectRoot, stack);
  const engine = engineAt(settings.engine.host);
  const { id: engineId } = await engine.info().catch((error: Error) => {
    throw settings.sandbox && error instanceof UserError
      ? new UserError("The sandbox does not run. Start it with: npm run -s env")
      : error;
  });
  return { settings, engine, engineId };
}
