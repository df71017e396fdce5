/**
 * What is wrong with an entry for `registry-mirrors`, or undefined. dockerd takes scheme, host and port and nothing else;
 * some of its versions find out only at start, when it is too late.
 */
export function mirrorProblem(mirror: string): string | undefined {
  const shown = JSON.stringify(hidePassword(mirror));
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(mirror)) {
    return `${shown} has no scheme, dockerd would refuse to start: write ${JSON.stringify(`http://${hidePassword(mirror)}`)}`;
  }
  let url: URL;
  try {
    url = new URL(mirror);
  } catch {
    const hint =
      mirror.split(":").length > 3 && !mirror.includes("[")
        ? " (an IPv6 address needs brackets: http://[::1]:5000)"
        : "";
    return `${shown} is not a URL: write scheme, host and port, such as "http://127.0.0.1:5000"${hint}`;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `${shown} has the scheme "${url.protocol.slice(0, -1)}": use http or https`;
  }
  if (url.username || url.password || mirror.includes("@")) {
    return `${shown} holds a user: dockerd sends no login to a mirror, remove it`;
  }
  if (url.search || url.hash || /[?#]/.test(mirror)) return `${shown} has a query or fragment: remove it`;
  if (url.pathname !== "/")
    return `${shown} has a path: a mirror stands at the root of its host, remove "${url.pathname}"`;
  if (url.port === "0") return `${shown} has port 0: use 1–65535`;
  return /\s/.test(mirror) ? `${shown} has white space: remove it` : undefined;
}

/**
 * The one spelling under which two entries are compared: `"HTTP://Cache:80/"` and `"http://cache"` are the same mirror, and
 * so are `"http://localhost:5000"` and `"http://127.0.0.1:5000"`.
 */
export function normalMirror(mirror: string): string {
  return mirrorProblem(mirror) === undefined
    ? new URL(mirror).origin.replace(/:\/\/localhost(?=:|$)/, "://127.0.0.1")
    : mirror;
}

/** Two lists of mirrors, element by element. */
export function sameMirrors(a: string[], b: string[]): boolean {
  return (
    a.length === b.length && a.every((mirror, index) => normalMirror(mirror) === normalMirror(b[index]!))
  );
}

function hidePassword(mirror: string): string {
  return mirror.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i, "$1***@");
}
