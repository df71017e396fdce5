import { engineAt } from "../../docker/engine.ts";
import { listedImages } from "../../docker/listed-images.ts";
import { UserError } from "../../errors.ts";
import { familiarName, parseReference } from "../../images/image-reference.ts";
import { refuseForeignTags } from "../../images/promote.ts";
import { readTagLedger } from "../../images/tag-ledger.ts";
import { fail, isUnknown, ok, skip, type CheckDefinition } from "../types.ts";

export const tagChecks: CheckDefinition[] = [
  {
    id: "image.tags",
    what: "The friendly tags that this stack wants, e.g. `whisperx:cu128`: whose they are on this engine.",
    fails: "one is another stack's, or is on an image that no stack made and `adoptTags` is not set",
    run: async ({ settings, images, engine: ask }) => {
      const [engine, planned] = [await ask(), await images()];
      if (isUnknown(engine)) return skip("the engine does not answer");
      if (isUnknown(planned)) return skip(planned.problem);
      const host = engineAt(settings.engine.host);
      const [ledger, { byName }] = await Promise.all([
        readTagLedger(settings.stateDir, engine.id),
        listedImages(host),
      ]);
      const look = {
        image: async (tag: string) => byName.get(familiarName(parseReference(tag)!)),
        names: (pattern: string) => host.names(pattern),
      };
      const problems = await Promise.all(
        planned.map(({ name, reference, tags }) =>
          refuseForeignTags(
            { stack: settings.stack, image: name, reference, tags, adopt: settings.adoptTags },
            ledger,
            look,
          ).then(
            () => undefined,
            (error: unknown) => {
              if (error instanceof UserError) return `${name}: ${error.message}`;
              throw error;
            },
          ),
        ),
      );
      const found = problems.filter((problem) => problem !== undefined);
      return found.length > 0 ? fail(found.join("; ")) : ok("none is somebody else's");
    },
  },
];
