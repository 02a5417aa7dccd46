import { foundation } from './0001-foundation.ts';
import { logins } from './0002-logins.ts';
import { conversations } from './0003-conversations.ts';
import { helpdesk } from './0004-helpdesk.ts';
import { desk } from './0005-desk.ts';
import { search } from './0006-search.ts';
import { auditWebhooks } from './0007-audit-webhooks.ts';
import { knowledge } from './0008-knowledge.ts';
import { studio } from './0009-studio.ts';
import { nodes } from './0010-nodes.ts';

/** One step of the schema. Migrations are frozen once released, and import nothing from outside their folder. */
export interface Migration {
  /** Four digits and a word: `0001-foundation`. Steps run in the order of the list. */
  name: string;
  /** Statements for SQLite, run one by one. */
  sqlite: readonly string[];
  /** The same for PostgreSQL, where that is another step than none. */
  postgres: readonly string[];
}

/** Every step from an empty database to the schema that this version works with. */
export const migrations: readonly Migration[] = [
  foundation,
  logins,
  conversations,
  helpdesk,
  desk,
  search,
  auditWebhooks,
  knowledge,
  studio,
  nodes,
];
