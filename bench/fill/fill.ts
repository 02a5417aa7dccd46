/**
 * Fills a database with conversations, in the rows, counters and daily sums that real use would have left:
 * `node bench/fill/fill.ts <file> <Population as JSON>`. Prints a `Filled` as JSON. The file is made and migrated by Parley's own code, then
 * written by straight inserts without a journal; its secondary indices are built at the end. Calls to models are there where the population
 * has any, on their own; ratings stay empty, and the feed holds the last day.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { openStorage } from '../../src/storage/storage.ts';
import { callModels, writeCalls } from './calls.ts';
import { createDailySums } from './daily-sums.ts';
import { createDeskBooks, customerIdOf, kindOf, type Kind } from './desk.ts';
import { writePeople } from './people.ts';
import { exchangesIn, exchangesOf, heavyId, type Planned, type Population } from './population.ts';
import { buildTexts } from './texts.ts';

/** What was written. */
export interface Filled {
  messages: number;
  conversations: number;
  bytes: number;
  seconds: number;
}

const dayMs = 86_400_000;
/** The conversations are spread over this time up to now: as many days as a daily statistic shows at most. */
const spanMs = 366 * dayMs;
const responseMs = 800;

/** Fills a new file at `path`. */
export async function fill(path: string, population: Population, now = Date.now()): Promise<Filled> {
  const startedAt = performance.now();
  await (await openStorage({ path })).close();
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false, defensive: false });
  for (const pragma of [
    'journal_mode = OFF',
    'synchronous = OFF',
    'locking_mode = EXCLUSIVE',
    'cache_size = -1048576',
    'threads = 2',
  ]) {
    database.exec(`PRAGMA ${pragma}`);
  }
  const indices = takeIndices(database);
  database.exec('BEGIN');
  writePeople(database, population, now);
  const written = writeExchanges(database, population, now);
  writeCalls(database, population, now);
  database.exec('COMMIT');
  for (const sql of indices) database.exec(sql);
  database.close();
  sync(path);
  const seconds = (performance.now() - startedAt) / 1000;
  return { ...written, bytes: statSync(path).size, seconds };
}

/** Drops the indices of the large tables and returns what makes them again. */
function takeIndices(database: DatabaseSync): string[] {
  const rows = database
    .prepare(
      `SELECT name, sql FROM sqlite_master
       WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('conversations', 'messages', 'feed', 'customers', 'api_calls')`,
    )
    .all() as { name: string; sql: string }[];
  for (const { name } of rows) database.exec(`DROP INDEX ${name}`);
  return rows.map(({ sql }) => sql);
}

/** What the kernel still has to write must not be written while somebody measures. */
function sync(path: string): void {
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}

interface Counter {
  conversations: number;
  messages: number;
}

interface Begun {
  id: number;
  messages: number;
}

function writeExchanges(database: DatabaseSync, population: Population, now: number) {
  const statements = prepareInserts(database);
  const sums = createDailySums(database, responseMs);
  const desk = createDeskBooks(database, population);
  const { questions, answers } = buildTexts();
  const begun = new Map<Planned, Begun>();
  const counters = new Map<number, Counter>();
  const stepMs = spanMs / exchangesIn(population);
  let exchange = 0;
  let conversations = 0;

  for (const planned of exchangesOf(population)) {
    const { userId, channel } = planned;
    const at = Math.floor(now - spanMs + stepMs * exchange);
    const day = dayOf(at);
    const question = questions[exchange % questions.length]!;
    const answer = answers[exchange % answers.length]!;
    const counter = counterOf(counters, userId);
    let conversation = begun.get(planned);
    const opens = conversation === undefined;
    if (conversation === undefined) {
      conversation = { id: ++conversations, messages: 0 };
      begun.set(planned, conversation);
      const kind = kindOf(planned, conversations, population);
      const customerId = customerIdOf(planned, population);
      const place = counter === undefined ? null : ++counter.conversations;
      const title = question.content.slice(0, 60);
      statements.begin({ id: conversations, planned, place, kind, customerId, title, day, at });
      desk.begin(planned, kind, day, at);
    }
    const questionId = exchange * 2 + 1;
    const tokens = question.tokens + answer.tokens;
    const places = counter === undefined ? [null, null] : [counter.messages + 1, counter.messages + 2];
    statements.exchange(
      [questionId, conversation.id, conversation.messages + 1, userId, ...places, at],
      [question.tokens, question.content, answer.tokens, answer.content, tokens],
    );
    conversation.messages += 2;
    if (counter !== undefined) counter.messages += 2;
    if (conversation.messages === planned.exchanges * 2) {
      statements.end(conversation.id, at + responseMs);
      begun.delete(planned);
    }
    if (at >= now - dayMs) statements.feed(conversation.id, userId, questionId, at);
    const model = userId === heavyId ? callModels[conversation.id % 2]! : callModels[0];
    sums.add(day, userId, channel, model, { chats: opens ? 1 : 0, tokens });
    desk.reply(planned, at + responseMs);
    exchange++;
  }
  sums.end();
  desk.end();
  for (const [userId, counter] of counters) statements.count(userId, counter);
  return { messages: exchange * 2, conversations };
}

/** What belongs to nobody is counted nowhere. */
function counterOf(counters: Map<number, Counter>, userId: number | null): Counter | undefined {
  if (userId === null) return undefined;
  const counter = counters.get(userId) ?? { conversations: 0, messages: 0 };
  counters.set(userId, counter);
  return counter;
}

let knownDay = Number.NaN;
let knownName = '';

function dayOf(at: number): string {
  const day = Math.floor(at / dayMs);
  if (day !== knownDay) {
    knownDay = day;
    knownName = new Date(at).toISOString().slice(0, 10);
  }
  return knownName;
}

/** A conversation that begins, with all the messages that it will have. */
interface Beginning {
  id: number;
  planned: Planned;
  place: number | null;
  kind: Kind;
  customerId: number;
  title: string;
  day: string;
  at: number;
}

function prepareInserts(database: DatabaseSync) {
  const begin = database.prepare(
    `INSERT INTO conversations (id, key, user_id, user_place, channel, title, message_count, created_at, delivered_place, read_place,
       status, agent_type, assignee_id, priority, tags, customer_id, day, human, waiting_since, updated_at, last_message_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7, ?7, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?11 IS NOT NULL, iif(?9 = 'pending', ?8, NULL), 0, 0)`,
  );
  const end = database.prepare(
    'UPDATE conversations SET updated_at = ?1, last_message_at = ?1 WHERE id = ?2',
  );
  const messages = database.prepare(
    `INSERT INTO messages (id, conversation_id, place, user_id, user_place, role, sender_type, state, receipt, created_at, tokens,
       exchange_tokens, estimated, question_id, model, finish_reason, content)
     VALUES (?1, ?2, ?3, ?4, ?5, 'user', 'user', 'sent', 'read', ?7, ?8, NULL, 1, NULL, NULL, NULL, ?9),
       (?1 + 1, ?2, ?3 + 1, ?4, ?6, 'assistant', 'ai', 'completed', 'read', ?7 + ${responseMs}, ?10, ?12, 0, ?1, 'gpt-4o-mini', 'stop', ?11)`,
  );
  const feed = database.prepare(
    `INSERT INTO feed (conversation_id, user_id, type, message_id, at, data)
     VALUES (?1, ?2, 'asked', ?3, ?4, json_object('turnId', ?3 + 1)), (?1, ?2, 'answered', ?3 + 1, ?4 + ${responseMs}, NULL)`,
  );
  const count = database.prepare(
    `INSERT INTO user_counters (user_id, conversations, last_conversation_place, messages, last_message_place, delivered_place, read_place)
     VALUES (?1, ?2, ?2, ?3, ?3, ?3, ?3)`,
  );
  return {
    begin({ id, planned, place, kind, customerId, title, day, at }: Beginning) {
      const { userId, channel, exchanges } = planned;
      const { status, agentType, assigneeId, priority, tags } = kind;
      const key = randomBytes(16).toString('base64url');
      const labels = [status, agentType, assigneeId, priority, JSON.stringify(tags)];
      begin.run(id, key, userId, place, channel, title, exchanges * 2, at, ...labels, customerId, day);
    },
    end: (id: number, at: number) => end.run(at, id),
    exchange: (ids: (number | null)[], said: (number | string)[]) => messages.run(...ids, ...said),
    feed: (conversation: number, userId: number | null, questionId: number, at: number) =>
      feed.run(conversation, userId, questionId, at),
    count: (userId: number, counter: Counter) => count.run(userId, counter.conversations, counter.messages),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , path = '', population = ''] = process.argv;
  const filled = await fill(path, JSON.parse(population) as Population);
  process.stdout.write(`${JSON.stringify(filled)}\n`);
}
