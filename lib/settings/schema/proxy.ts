import * as z from "zod";
import { isNoProxyEntry, isProxyUrl } from "../../proxy/proxy.ts";
import { hasLogin, secretSource } from "./types.ts";

const rule =
  'must be a URL such as "http://proxy.example:3128", or for one with a login {env: "NAME"} or {file: "/path"}';

const proxySource = z.union(
  [z.string().refine((value) => isProxyUrl(value) && !hasLogin(value), rule), secretSource],
  { error: rule },
);

/** `proxy`: the way out of a company's network. */
export const proxy = z
  .strictObject({
    /** For what is fetched by http. */
    http: proxySource.optional(),
    /** For what is fetched by https. */
    https: proxySource.optional(),
    /** Hosts that are reached without it, beside this machine. */
    noProxy: z
      .array(
        z
          .string("must be text")
          .refine(
            isNoProxyEntry,
            'must be a host, an ending such as ".example.com", or a network such as "10.0.0.0/8"',
          ),
      )
      .default([]),
  })
  .prefault({});
