import { cacheFolder, wheelUsed } from "./nginx-config.ts";

/** Seconds between two looks at the wheel store. */
export const wheelWatchSeconds = 300;

/**
 * Shell lines that hold the wheel store to its size, for as long as the container runs. The wheels that nobody asked for
 * the longest go first: by the time of `used`, which nginx writes to, or of the checksums where nobody ever asked. What is
 * without checksums an hour later was left by a put that was cut off, for `kept-wheel` puts them last; an upload that lies
 * there at the start is nobody's any more.
 * @param wheelStorage bytes
 */
export function wheelLimit(wheelStorage: number): string {
  return String.raw`cd ${cacheFolder}/wheels
rm -f ${cacheFolder}/uploads/*
while sleep ${wheelWatchSeconds}; do
  find . -type f ! -name SHA256SUMS ! -name ${wheelUsed} -mmin +60 | while read -r file; do
    [ -e "$(dirname "$(dirname "$file")")/SHA256SUMS" ] || rm -f "$file" || :
  done
  find . -mindepth 1 -type d -empty -mmin +60 -delete || :
  while [ "$(du -sB1 . | cut -f1)" -gt ${wheelStorage} ]; do
    oldest=$(find . -mindepth 2 \( -name SHA256SUMS -o -name ${wheelUsed} \) -printf '%T@ %h\n' | sort -rn |
      awk '{ place = substr($0, index($0, " ") + 1) } !seen[place]++ { last = place } END { print last }')
    [ -d "$oldest" ] && rm -rf "$oldest" || break
  done
done &
`;
}
