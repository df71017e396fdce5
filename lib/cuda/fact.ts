import * as z from "zod";

const common = {
  /** Ids in the data's `sources`, at least one. */
  sources: z.array(z.string()).min(1, "must name a source"),
  /** Sources of single properties, where they are not those of the whole. */
  sourcesOf: z.record(z.string(), z.array(z.string()).min(1, "must name a source")).optional(),
  /** Why a property is null, by its name. */
  unknown: z.record(z.string(), z.string().min(1)).optional(),
  /** What a reader should know beside it. */
  note: z.string().min(1).optional(),
};

/** A fact with its sources: strict; null needs a reason in `unknown`, and a reason needs a null. */
export function fact<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject({ ...shape, ...common }).superRefine((value, context) => {
    const properties = value as Record<string, unknown>;
    const reasons = (properties["unknown"] ?? {}) as Record<string, string>;
    for (const [name, content] of Object.entries(properties))
      if (content === null && !(name in reasons))
        context.addIssue({ code: "custom", path: [name], message: "is null without a reason in unknown" });
    for (const name of Object.keys(reasons))
      if (properties[name] !== null)
        context.addIssue({
          code: "custom",
          path: ["unknown", name],
          message: "gives a reason, but is known",
        });
    for (const name of Object.keys(properties["sourcesOf"] ?? {}))
      if (!(name in shape))
        context.addIssue({ code: "custom", path: ["sourcesOf", name], message: "is no property of it" });
  });
}

/** Sources that are named but do not exist, and sources that nothing names. */
export function sourcesProblems(data: {
  sources: Record<string, unknown>;
}): { path: (string | number)[]; message: string }[] {
  const used = new Set<string>();
  const problems: { path: (string | number)[]; message: string }[] = [];
  const visit = (value: unknown, path: (string | number)[]) => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, content] of Object.entries(value)) {
      const place = [...path, Array.isArray(value) ? Number(key) : key];
      const lists =
        key === "sources" ? [content] : key === "sourcesOf" ? Object.values(content as object) : [];
      for (const id of lists.flat() as string[]) {
        used.add(id);
        if (!(id in data.sources))
          problems.push({ path: place, message: `names "${id}", which is no source` });
      }
      if (lists.length === 0) visit(content, place);
    }
  };
  for (const [section, content] of Object.entries(data)) if (section !== "sources") visit(content, [section]);
  for (const id of Object.keys(data.sources))
    if (!used.has(id)) problems.push({ path: ["sources", id], message: "is a source that no fact names" });
  return problems;
}
