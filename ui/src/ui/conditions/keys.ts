/** Parts of a tree have no names: a number each, which stays with a part while it is changed, so that what is typed into keeps the focus. */
import type { Tree } from "./tree";

const keys = new WeakMap<Tree, number>();
let last = 0;

export function keyOf(tree: Tree): number {
  let key = keys.get(tree);
  if (key === undefined) {
    last += 1;
    key = last;
    keys.set(tree, key);
  }
  return key;
}

/** `next` is what `tree` has become. */
export function carryKey(tree: Tree, next: Tree): Tree {
  if (tree !== next) keys.set(next, keyOf(tree));
  return next;
}
