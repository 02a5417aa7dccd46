export type Role = 'user' | 'agent' | 'admin';

export const scopes = ['completions', 'cache', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who asks. Made once per request or socket from its credentials; core never sees the credentials themselves. */
export type Caller =
  | { kind: 'anonymous'; ip: string }
  | { kind: 'key'; ip: string; keyId: number; scopes: ReadonlySet<Scope>; requestsPerMinute: number | null };

/** Whether the caller's key, where it has one, allows `scope`. Anonymous callers are judged by the door. */
export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.kind !== 'key' || caller.scopes.has(scope) || caller.scopes.has('admin');
}

/** A name for the caller's own things, such as cache entries; never shared between two owners. */
export type OwnerKey = string & { readonly __brand: 'OwnerKey' };

export function ownerOf(caller: Caller): OwnerKey {
  return (caller.kind === 'key' ? `key:${caller.keyId}` : 'anonymous') as OwnerKey;
}
