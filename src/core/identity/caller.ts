export type Role = 'user' | 'agent' | 'admin';

export const scopes = ['completions', 'cache', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** A person who is logged in. */
export interface UserCaller {
  kind: 'user';
  ip: string;
  userId: number;
  loginId: number;
  /** The contract whose login issued the token. */
  contract: string;
  role: Role;
}

/** Somebody without an account who has shown the unguessable key of a conversation that belongs to nobody: see `Conversations.asGuest`. */
export interface GuestCaller {
  kind: 'guest';
  ip: string;
  /** The only conversation that the guest has. */
  conversationId: number;
  userId: null;
}

/** Who can be the customer of a conversation. */
export type Participant = UserCaller | GuestCaller;

/** A person who answers customers. */
export type StaffCaller = UserCaller & { role: 'agent' | 'admin' };

/** Who asks. Made once per request or socket from its credentials; core never sees the credentials themselves. */
export type Caller =
  | { kind: 'anonymous'; ip: string }
  | { kind: 'key'; ip: string; keyId: number; scopes: ReadonlySet<Scope>; requestsPerMinute: number | null }
  | GuestCaller
  | UserCaller;

export function isStaff(caller: Caller): caller is StaffCaller {
  return caller.kind === 'user' && caller.role !== 'user';
}

/** Whether the caller's key or role allows `scope`. Anonymous callers are judged by the door. */
export function hasScope(caller: Caller, scope: Scope): boolean {
  switch (caller.kind) {
    case 'anonymous':
      return true;
    case 'guest':
      return scope === 'completions';
    case 'key':
      return caller.scopes.has(scope) || caller.scopes.has('admin');
    case 'user':
      return caller.role === 'admin' || scope === 'completions';
  }
}

/** A name for the caller's own things, such as cache entries; never shared between two owners. */
export type OwnerKey = string & { readonly __brand: 'OwnerKey' };

export function ownerOf(caller: Caller): OwnerKey {
  return ownerName(caller) as OwnerKey;
}

/** The same of whoever acts: a person, or what is named by a text. */
export function ownerOfActor(actor: UserCaller | string): string {
  return typeof actor === 'string' ? actor : ownerOf(actor);
}

function ownerName(caller: Caller): string {
  switch (caller.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'guest':
      return `conversation:${caller.conversationId}`;
    case 'key':
      return `key:${caller.keyId}`;
    case 'user':
      return `user:${caller.userId}`;
  }
}
