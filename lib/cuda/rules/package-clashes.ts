import type { Answer, Fact } from "../types.ts";
import { isInRange } from "../versions.ts";
import { fails, pinFact, settingFact, works } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";

/** Packages that cannot be together though their metadata allows it, as the data lists them. */
export function packageClashes(context: Context): Answer[] {
  return context.images.flatMap((image) =>
    context.data.packageClashes.flatMap((clash): Answer[] => {
      const own = factOf(context, image, clash.package);
      const others = Object.entries(clash.when).map(([name, range]) => {
        const fact = factOf(context, image, name);
        return fact && isInRange(fact.value, range) ? fact : undefined;
      });
      if (!own || others.some((fact) => fact === undefined)) return [];
      const facts = [own, ...(others as Fact[])];
      const rule = `package-clash:${clash.id}`;
      if (isInRange(own.value, clash.versions) !== true)
        return [
          works(rule, {
            text: `${clash.package} ${own.value} goes with ${list(others as Fact[])}`,
            facts,
            sources: clash.sources,
          }),
        ];
      return [
        fails(rule, clash.place, {
          text: `${clash.package} ${own.value} with ${list(others as Fact[])}: ${clash.text}`,
          facts,
          sources: clash.sources,
          fix: clash.fix,
        }),
      ];
    }),
  );
}

const list = (facts: Fact[]) => facts.map(({ name, value }) => `${name} ${value}`).join(" and ");

/** What an image has of a package; torch, Python and CUDA are settings. */
export function factOf({ combination }: Context, { pins }: ImagePins, name: string): Fact | undefined {
  if (name === "torch" || name === "python" || name === "cuda") return settingFact(name, combination[name]);
  const pin = pins.get(name);
  return pin && pinFact(pin);
}
