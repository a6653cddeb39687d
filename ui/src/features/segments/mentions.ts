/** Whether a condition, or the definition of a workflow, names a segment anywhere. */
export function mentions(node: unknown, segmentId: number): boolean {
  if (typeof node !== "object" || node === null) return false;
  return Object.entries(node).some(
    ([member, value]) =>
      ((member === "segment" || member === "segment_id") && value === segmentId) ||
      mentions(value, segmentId),
  );
}
