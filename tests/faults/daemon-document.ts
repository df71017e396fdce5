/** A daemon.json as an object. */
export type Document = Record<string, unknown>;

export function mirrorsOf(document: Document): string[] {
  return (document["registry-mirrors"] as string[] | undefined) ?? [];
}

export function without(document: Document, key: string): Document {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== key));
}
