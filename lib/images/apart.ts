import type { Engine } from "../docker/engine.ts";
import { standsOn, type ImageThere } from "./rebuilds.ts";
import { readTagLedger, type TagLedger } from "./tag-ledger.ts";

// BuildKit takes a base whose files are the same for the same one, whatever its layers: what is built on it then comes from
// the cache, on the layers of the earlier base. Building it again would give that again.

const kept = 1000;
const keyOf = (image: ImageThere, base: ImageThere): string => `${image.id} ${base.id}`;

/** Remembers that a build on this base came out on other layers. */
export function noteApart(ledger: TagLedger, image: ImageThere, base: ImageThere): void {
  if (standsOn(image, base)) return;
  ledger.apart = [...new Set([...ledger.apart, keyOf(image, base)])].slice(-kept);
}

/** Whether an image stands on its base, or was built on it and came out on other layers. */
export async function belongsOn(
  image: ImageThere,
  base: ImageThere,
  stateDir: string,
  engine: Engine,
): Promise<boolean> {
  return standsOn(image, base) || belongs(image, base, await apartOn(engine, stateDir));
}

/** The same where the memory was read before. */
export function belongs(image: ImageThere, base: ImageThere, apart: ReadonlySet<string>): boolean {
  return standsOn(image, base) || apart.has(keyOf(image, base));
}

/** The memory of an engine. */
export async function apartOn(engine: Engine, stateDir: string): Promise<ReadonlySet<string>> {
  return new Set((await readTagLedger(stateDir, (await engine.info()).id)).apart);
}
