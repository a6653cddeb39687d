/** Two circles whose areas, and whose common area, are as the numbers are. */

export type Circles = { first: number; second: number; distance: number };

/** Radii for a largest radius of 1, and how far the middles are apart. */
export function circles(first: number, second: number, both: number): Circles {
  const largest = Math.max(first, second, 1);
  const one = Math.sqrt(first / largest);
  const other = Math.sqrt(second / largest);
  const wanted = (Math.PI * Math.min(both, first, second)) / largest;
  // The common area falls as the middles part: look for the distance in halves.
  let near = Math.abs(one - other);
  let far = one + other;
  for (let step = 0; step < 40; step += 1) {
    const middle = (near + far) / 2;
    if (common(one, other, middle) > wanted) near = middle;
    else far = middle;
  }
  return { first: one, second: other, distance: (near + far) / 2 };
}

/** The area that two circles share (the sum of two circular segments). */
export function common(one: number, other: number, distance: number): number {
  if (distance >= one + other) return 0;
  const smaller = Math.min(one, other);
  if (distance <= Math.abs(one - other)) return Math.PI * smaller * smaller;
  const part = (a: number, b: number) => {
    const cosine = (distance * distance + a * a - b * b) / (2 * distance * a);
    return a * a * Math.acos(Math.min(1, Math.max(-1, cosine)));
  };
  const root =
    (-distance + one + other) *
    (distance + one - other) *
    (distance - one + other) *
    (distance + one + other);
  return part(one, other) + part(other, one) - 0.5 * Math.sqrt(Math.max(0, root));
}
