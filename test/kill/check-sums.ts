import type { Books } from './books.ts';
import type { SeenTotal } from './look.ts';
import type { Records, SessionRecord } from './records.ts';

type Sum = Books['chat_daily'][number];
type Counted = 'chats' | 'messages' | 'answers' | 'tokens' | 'errors' | 'ratings' | 'satisfied';
const counted = ['chats', 'messages', 'answers', 'tokens', 'errors', 'ratings', 'satisfied'] as const;

/** Figures of a user in a channel, all days together. `open` more may be there: what became of them nobody was told. */
type Figures = Record<Counted, number> & { open: number };

const nothing = (): Figures => ({
  chats: 0,
  messages: 0,
  answers: 0,
  tokens: 0,
  errors: 0,
  ratings: 0,
  satisfied: 0,
  open: 0,
});

/** The daily figures are what the rows say, and what was removed. */
export function checkSums(records: Records, books: Books): string[] {
  const expected = expectedFigures(records, books);
  const findings = [...checkService(books.chat_daily), ...checkModels(books)];
  const sums = books.chat_daily.filter(({ user_id: user }) => user !== 0);
  const keys = new Set([...expected.keys(), ...sums.map((sum) => keyOf(sum.user_id, sum.channel))]);
  for (const key of keys) {
    const { open, ...figures } = expected.get(key) ?? nothing();
    const own = sums.filter((sum) => keyOf(sum.user_id, sum.channel) === key);
    for (const name of counted) {
      const is = own.reduce((sum, row) => sum + row[name], 0);
      const most = ['messages', 'answers', 'errors'].includes(name) ? figures[name] + open : figures[name];
      if (is >= figures[name] && is <= most) continue;
      findings.push(`chat_daily of ${key}: ${name} is ${is}, not ${figures[name]} (and ${open} at most)`);
    }
  }
  return findings;
}

const keyOf = (user: number | null, channel: string) => `user ${user} in ${channel}`;

/** What a door shows as the total of a user, or of the service, is what the database holds. */
export function checkShownTotal(
  name: string,
  total: SeenTotal,
  { users, chat_daily: sums }: Books,
): string[] {
  const user = users.find(({ username }) => username === name)?.id ?? 0;
  const sum = (column: Counted) =>
    sums.filter((row) => row.user_id === user).reduce((all, row) => all + row[column], 0);
  return (['chats', 'messages', 'tokens', 'errors'] as const)
    .filter((column) => total[`total_${column}`] !== sum(column))
    .map((column) => `${name} is shown ${total[`total_${column}`]} ${column}, not ${sum(column)}`);
}

/** The service's row is the sum of its users'. */
function checkService(sums: Sum[]): string[] {
  const days = Map.groupBy(sums, ({ day, channel, model }) => `${day} ${channel} ${model}`);
  return [...days].flatMap(([day, rows]) => {
    const service = rows.find(({ user_id: user }) => user === 0);
    return [...counted, 'response_ms' as const].flatMap((name) => {
      const users = rows.filter(({ user_id: user }) => user !== 0).reduce((sum, row) => sum + row[name], 0);
      return service?.[name] === users
        ? []
        : [`the service's ${name} of ${day} is not the sum of its users'`];
    });
  });
}

/** Tokens are counted for the model that answered. */
function checkModels({ chat_daily: sums, api_calls: calls }: Books): string[] {
  const tokens = new Map<string, number>();
  const add = (user: number | null, channel: string, model: string, count: number) => {
    const key = `${keyOf(user, channel)} with ${model}`;
    tokens.set(key, (tokens.get(key) ?? 0) + count);
  };
  for (const { user_id: user, contract, model, message_id: message, ...call } of calls) {
    if (message !== null) add(user, contract, model, call.prompt_tokens + call.completion_tokens);
  }
  for (const { user_id: user, channel, model, tokens: counted } of sums) {
    if (user !== 0) add(user, channel, model, -counted);
  }
  return [...tokens]
    .filter(([, left]) => left !== 0)
    .map(([key, left]) => `chat_daily of ${key}: ${left} tokens of its calls are not counted`);
}

function expectedFigures({ sessions, askings }: Records, books: Books): Map<string, Figures> {
  const all = new Map<string, Figures>();
  const of = (user: number | null, channel: string) => {
    const figures = all.get(keyOf(user, channel)) ?? nothing();
    all.set(keyOf(user, channel), figures);
    return figures;
  };
  const channels = new Map(books.conversations.map(({ id, channel }) => [id, channel]));
  for (const { user_id: user, channel } of books.conversations) of(user, channel).chats++;
  for (const message of books.messages) {
    count(of(message.user_id, channels.get(message.conversation_id) ?? ''), message.role, message);
  }
  for (const call of books.api_calls) {
    if (call.message_id === null) continue;
    of(call.user_id, call.contract).tokens += call.prompt_tokens + call.completion_tokens;
  }
  for (const { user_id: user, channel, score } of books.ratings) {
    of(user, channel).ratings++;
    if (score >= 4) of(user, channel).satisfied++;
  }
  for (const { user: name, removed, outcome } of askings) {
    const user = books.users.find(({ username }) => username === name)?.id ?? 0;
    const figures = of(user, 'studio');
    if (removed.question.acknowledged === true) figures.messages++;
    if (removed.answer.acknowledged !== true) continue;
    if (outcome !== undefined && 'content' in outcome) {
      count(figures, 'assistant', { state: outcome.status, content: outcome.content });
    } else figures.open++;
  }
  for (const session of sessions.filter(({ removed }) => removed.acknowledged === true)) {
    const user = books.users.find(({ username }) => username === session.user)?.id ?? 0;
    addRemoved(of(user, 'assistant'), session, books);
  }
  return all;
}

function count(figures: Figures, role: string, { state, content }: { state: string; content: string }): void {
  if (role === 'user' || content !== '') figures.messages++;
  if (role === 'user') return;
  if (state === 'completed') figures.answers++;
  if (state === 'failed' || state === 'interrupted') figures.errors++;
}

function addRemoved(figures: Figures, { id, last }: SessionRecord, { feed }: Books): void {
  const asked = feed.filter(({ conversation_id: of, type }) => of === id && type === 'asked').length;
  const known = last.filter(({ role }) => role === 'user').length;
  figures.chats++;
  figures.messages += asked - known;
  figures.open += asked - known;
  for (const { role, content, status } of last) count(figures, role, { state: status, content });
}
