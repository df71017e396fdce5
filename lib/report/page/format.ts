import prettyBytes from "pretty-bytes";
import { html, type Html } from "./html.ts";

/** `"5.7 GB"` */
export function size(bytes: number): string {
  return prettyBytes(bytes, { maximumFractionDigits: bytes >= 1e9 ? 1 : 0 });
}

/** `"30 Nov 2026, 09:17"`, in the time zone of this machine. */
export function moment(iso: string): Html {
  const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(iso),
  );
  return html`<time datetime="${iso}">${words}</time>`;
}

/** A bar of a length that its figure beside it says, for the eye only. */
export function bar(share: number, kind: string): Html {
  const width = Math.max(0, Math.min(100, share * 100)).toFixed(1);
  return html`<span class="bar" aria-hidden="true"><i class="${kind}" style="width:${width}%"></i></span>`;
}
