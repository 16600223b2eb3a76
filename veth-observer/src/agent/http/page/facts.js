// What a report says of pairs, ends and directions.

/** Whether both ends tell of a direction. What one alone does not tell is null. */
export const isWhole = (direction) => direction.lost !== null;

export const droppedFrames = (direction) =>
  isWhole(direction) ? direction.dropped.reduce((sum, place) => sum + place.frames, 0) : null;

/** Frames that were sent and will not arrive. */
export const missing = (direction) => (isWhole(direction) ? droppedFrames(direction) + direction.lost : null);

/** What was seen to leave, else what arrived. */
export const carried = (direction) => direction.sent ?? direction.received;

export const arrow = (direction) => `${direction.from} → ${direction.to}`;

export const label = (end) => end.ifname ?? `ifindex ${end.ifindex}`;

/** The container or pod that an end belongs to; none where nobody resolves that. */
export function owner({ owner }) {
  if (!owner) return null;
  if (owner.pod) return owner.namespace ? `${owner.namespace}/${owner.pod}` : owner.pod;
  return owner.name ?? owner.id?.slice(0, 12) ?? null;
}

export function netns({ netns }) {
  return netns.name ?? (netns.inode === null ? 'another namespace' : `net:[${netns.inode}]`);
}

/** Where an end lives, in the fewest words. */
export const place = (end) => owner(end) ?? netns(end);

/** All by which somebody may look for a pair. */
export function words(pair) {
  const ends = pair.ends.flatMap((end) => [label(end), end.mac, owner(end), netns(end), end.owner?.id]);
  return [pair.pair, ...ends].filter(Boolean).join('\n').toLowerCase();
}

/** How a pair fares: a word, a sign beside it, and its weight. */
export function state(pair, isLosing) {
  if (pair.ended !== null) return { name: 'ended', text: '× ended' };
  if (isLosing) return { name: 'losing', text: '▲ losing frames' };
  if (pair.directions.some((direction) => missing(direction) > 0)) return { name: 'lost', text: '△ lost frames before' };
  if (!pair.directions.every(isWhole)) return { name: 'half', text: '◐ seen at one end' };
  return { name: 'well', text: '✓ no loss' };
}
