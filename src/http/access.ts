import type { onRequestHookHandler } from 'fastify';
import { ParleyError } from '../core/errors.ts';
import { hasScope, type Caller, type Scope } from '../core/identity/caller.ts';
import './caller-decoration.ts';

/** Who may use doors whose contract calls itself open. */
export interface AccessPolicy {
  /** Whether callers without credentials may ask for completions. */
  open: boolean;
  /** Whether callers without credentials may also change what belongs to all, such as the cache. */
  openToChanges: boolean;
}

/** Open on a loopback address; elsewhere as `setting` says, and never open to changes. */
export function accessPolicyOf(host: string, setting: boolean | null): AccessPolicy {
  const loopback = host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/u.test(host);
  return { open: setting ?? loopback, openToChanges: loopback && (setting ?? true) };
}

/** Throws `unauthorized` where credentials are missing, `forbidden` where they do not reach. */
export function requireScope(policy: AccessPolicy, caller: Caller, scope: Scope): void {
  const openEnough = scope === 'completions' ? policy.open : policy.openToChanges;
  if (caller.kind === 'anonymous' && !openEnough) {
    throw new ParleyError(
      'unauthorized',
      'This server wants an API key or a login: send the key as X-API-Key, or either as a Bearer token.',
    );
  }
  if (!hasScope(caller, scope)) {
    const text =
      caller.kind === 'user'
        ? 'Your account may not do this; ask an administrator.'
        : `This API key does not have the scope "${scope}".`;
    throw new ParleyError('forbidden', text);
  }
}

/** `requireScope` as a route's hook: before the body is read, so that strangers cannot make the server parse megabytes. */
export function demandScope(policy: AccessPolicy, scope: Scope): onRequestHookHandler {
  return (request, _reply, done) => {
    requireScope(policy, request.caller, scope);
    done();
  };
}
