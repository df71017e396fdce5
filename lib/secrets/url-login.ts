/** The login in a URL, in the forms in which it could turn up in a text; empty where the URL has none. */
export function loginForms(url: string): string[] {
  const basic = basicLogin(url);
  if (basic === undefined) return [];
  const { username, password } = new URL(url);
  const secret = password || username; // a token may stand alone, as the user
  return [secret, decoded(secret), basic];
}

/** What a client sends as `Basic …`: user and password in base64; undefined where there is no login. */
export function basicLogin(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  if (!username && !password) return undefined;
  return Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
}

/** Without its percent signs; as it is where they do not parse. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
