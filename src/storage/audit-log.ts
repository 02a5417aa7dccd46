/** An administrative act. */
export interface NewAuditEntry {
  at: number;
  actorId: number;
  ip: string;
  /** Noun and verb: `user.create`, `conversation.assign`, `api_key.revoke` … */
  action: string;
  /** What it was done to: `user`, `conversation`, `api_key` … and its id. */
  targetType: string;
  targetId: string | null;
  /** What changed; never a password, token or key. */
  details: Record<string, unknown> | null;
}

export interface AuditEntry extends NewAuditEntry {
  id: number;
  /** As it was then. */
  actorName: string;
}

export interface AuditFilter {
  actorId?: number | undefined;
  action?: string | undefined;
  targetType?: string | undefined;
  targetId?: string | undefined;
  /** Milliseconds since the epoch, both included. */
  from?: number | undefined;
  to?: number | undefined;
}

/** The record of administrative acts. An act that changes the store writes its entry in its own unit: see `compileAudit`. */
export interface AuditLog {
  /** For an act that has no unit of its own, such as an export. */
  add(entry: NewAuditEntry): Promise<void>;
  /** Newest first. */
  list(
    filter: AuditFilter,
    page: { skip: number; limit: number },
  ): Promise<{ entries: AuditEntry[]; total: number }>;
}
