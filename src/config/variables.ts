import type { Field, Node } from './tree.ts';

/** Every setting of the tree that an environment variable sets, in the tree's order. */
export function environmentFields(node: Node): (Field<unknown> & { env: string })[] {
  switch (node.node) {
    case 'field':
      return node.env === undefined ? [] : [{ ...node, env: node.env }];
    case 'group':
      return Object.values(node.fields).flatMap(environmentFields);
    case 'map':
      return Object.values(node.known).flatMap(environmentFields);
    case 'list':
      return [];
  }
}

/** The names of all environment variables. */
export function environmentNames(node: Node): string[] {
  return environmentFields(node).map(({ env }) => env);
}
