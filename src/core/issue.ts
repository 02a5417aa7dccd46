import { inWords, type Budget } from './money/budget.ts';

/** What is wrong with a field of a request, so that it can be said in any language. Bounds are included; one that is left out is none. */
export type Issue =
  | { kind: 'required' }
  | { kind: 'empty' }
  /** A JSON type, or several. */
  | { kind: 'type'; types: readonly string[] }
  /** Of what a request holds. */
  | { kind: 'json' }
  /** In characters. */
  | { kind: 'length'; min?: number; max?: number }
  /** In characters, all on one line. */
  | { kind: 'line'; min?: number; max?: number }
  /** Of a question with its prompt, as we estimate them, and what the model takes beside its answer. */
  | { kind: 'tokens'; tokens: number; max: number }
  | { kind: 'range'; min?: number; max?: number; whole?: boolean }
  /** Of a list. */
  | { kind: 'count'; min?: number; max?: number }
  /** Of an object, in bytes as JSON. */
  | { kind: 'size'; max: number }
  | { kind: 'choice'; choices: readonly unknown[] }
  | { kind: 'repeated' }
  | { kind: 'unknown_field' }
  | { kind: 'email' }
  | { kind: 'phone' }
  | { kind: 'time' }
  | { kind: 'day' }
  /** Of a first day: the last one is before it. */
  | { kind: 'after_end'; end: string }
  | { kind: 'future' }
  | { kind: 'url' }
  /** Of an address on the web; with their colons. */
  | { kind: 'protocol'; protocols: readonly string[] }
  | { kind: 'credentials' }
  /** Of an image or a video: neither `https:` nor `data:`. */
  | { kind: 'media_url' }
  /** Of what a `data:` URL holds: not of these types, not base64, not what it says it is. */
  | { kind: 'media_type'; types: readonly string[] }
  | { kind: 'base64' }
  | { kind: 'media_content'; type: string }
  /** Decoded, in bytes. */
  | { kind: 'media_size'; max: number }
  /** Of a part that the model cannot take in: at all, of this many, of this many bytes as base64. */
  | { kind: 'no_capability'; model: string; part: 'image' | 'video' }
  | { kind: 'media_count'; model: string; part: 'image' | 'video'; max: number }
  | { kind: 'media_bytes'; model: string; max: number }
  /** Of a model: no such one, or none that chats. */
  | { kind: 'no_model'; model: string }
  | { kind: 'no_chat'; model: string }
  | { kind: 'private_address' }
  /** Control and invisible characters. */
  | { kind: 'invisible' }
  | { kind: 'name_with_at' }
  | { kind: 'taken'; what: 'email' | 'username' | 'name' }
  | { kind: 'shortcut_taken' }
  /** No such agent, or none that is active. */
  | { kind: 'no_agent' }
  /** Of an account: the caller's own, and the only active administrator's. */
  | { kind: 'oneself' }
  | { kind: 'last_administrator' }
  /** Of an idempotency key, and of a frame's id. */
  | { kind: 'key' }
  | { kind: 'frame_id' }
  | { kind: 'key_reused' }
  /** An answer was cut off before it began. */
  | { kind: 'made_again' }
  | { kind: 'nothing_to_change' }
  /** Of no field: how things are, which stands against what is asked. `name` may be empty. */
  | { kind: 'with_agent'; name: string }
  | { kind: 'nothing_said' }
  | { kind: 'changed_meanwhile' }
  | { kind: 'switched_off' }
  | { kind: 'arrived' }
  /** Of what somebody names: it is nowhere, or another's. */
  | { kind: 'not_there'; what: 'conversation' | 'message' }
  | { kind: 'not_yours'; what: 'conversation' | 'message' }
  /** A call that would take `share` of a budget of which so much is spent and set aside, all in its unit; `resetsAt` is in milliseconds since the epoch. */
  | { kind: 'over_budget'; budget: Budget; spent: number; reserved: number; share: number; resetsAt: number }
  /** Of a model that somebody with a budget in money asks for. */
  | { kind: 'no_price'; model: string }
  | { kind: 'invalid' };

type Texts = { [Kind in Issue['kind']]: (issue: Extract<Issue, { kind: Kind }>) => string };

/** The issue as it follows a field's name; a sentence where it is of no field. */
export function inEnglish(issue: Issue): string {
  return (texts[issue.kind] as (issue: Issue) => string)(issue);
}

const texts: Texts = {
  required: () => 'is required',
  empty: () => 'must not be empty',
  type: ({ types }) => `must be ${types.join(' or ')}`,
  json: () => 'must be valid JSON in UTF-8',
  length: ({ min, max }) => `must be ${bounds(min, max)} characters`,
  line: ({ min, max }) => `must be ${bounds(min, max)} characters on one line`,
  tokens: ({ tokens, max }) =>
    `too long: together with the system prompt it has about ${tokens} tokens, and the model takes ${max} beside its answer`,
  range: ({ min, max, whole }) => `must be a ${whole === true ? 'whole ' : ''}number, ${bounds(min, max)}`,
  count: ({ min, max }) => `must have ${bounds(min, max)} entries`,
  size: ({ max }) => `must be at most ${max.toLocaleString('en-GB')} bytes as JSON`,
  choice: ({ choices }) => `must be one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`,
  repeated: () => 'must not have the same entry twice',
  unknown_field: () => 'is not a field of this request',
  email: () => 'must be an e-mail address',
  phone: () => 'must be a telephone number: 5 to 32 digits, spaces, "+", "-" and brackets',
  time: () => 'must be a time such as 2026-01-31T10:00:00Z',
  day: () => 'must be a day such as 2026-01-31',
  after_end: ({ end }) => `must not be after the end, ${end}`,
  future: () => 'must be in the future',
  url: () => 'must be an address such as https://example.com/',
  protocol: ({ protocols }) => `must be an address that begins with ${prefixes(protocols).join(' or ')}`,
  credentials: () => 'must not have a user name or password',
  media_url: () => 'must be an https: address or a data: URL',
  media_type: ({ types }) => `must be one of ${types.join(', ')}`,
  base64: () => 'must be a data: URL with valid base64',
  media_content: ({ type }) => `must begin as ${type} does`,
  media_size: ({ max }) => `must be at most ${megabytes(max)}`,
  no_capability: ({ model, part }) =>
    `the model "${model}" takes no ${part}s; ask another model, or leave it out`,
  media_count: ({ model, part, max }) =>
    `the model "${model}" takes at most ${max} ${max === 1 ? part : `${part}s`}`,
  media_bytes: ({ model, max }) => `the model "${model}" takes at most ${megabytes(max)} as base64`,
  no_model: ({ model }) => `there is no model named "${model}" on this server`,
  no_chat: ({ model }) => `the model "${model}" is not one that chats`,
  private_address: () => 'must be an address of the public internet',
  invisible: () => 'must not contain control or invisible characters',
  name_with_at: () => 'must not contain "@", or be the e-mail address',
  taken: ({ what }) => `another account has this ${takenNames[what]}`,
  shortcut_taken: () => 'another canned reply has this shortcut',
  no_agent: () => 'must be an active agent',
  oneself: () => 'is your own account; ask another administrator',
  last_administrator: () => 'is the last active administrator; make another one first',
  key: () => 'must be 1 to 255 visible ASCII characters',
  frame_id: () => 'must be a text of 1 to 255 characters, or a whole number',
  key_reused: () =>
    'this key was used for another request. Send a new key with each new request, and the same only to repeat one.',
  with_agent: ({ name }) => `${name || 'Another agent'} has this conversation.`,
  nothing_said: () => 'The customer has said nothing yet, so there is nothing to answer.',
  changed_meanwhile: () => 'Somebody else has changed the article meanwhile. Read it again, then repeat.',
  switched_off: () => 'The webhook is switched off: enable it first.',
  arrived: () => 'The delivery has arrived: it is not sent again.',
  not_there: ({ what }) => `There is no such ${what}.`,
  not_yours: ({ what }) => `This ${what} is not yours.`,
  over_budget: ({ budget, spent, reserved, share, resetsAt }) =>
    `This call may take ${inWords(budget, share)}, and of this month's budget of ${inWords(budget)} ${inWords(budget, spent)} are spent and ${inWords(budget, reserved)} set aside for calls on their way. The next month begins at ${new Date(resetsAt).toISOString()}.`,
  no_price: ({ model }) =>
    `The price of the model "${model}" is not known here, so that it cannot be used with a budget in money. An administrator can name its price in the configuration.`,
  made_again: () =>
    'The server is restarted before it could answer, and answers when it is back. Ask for the answer again in a moment.',
  nothing_to_change: () => 'must name at least one thing to change',
  invalid: () => 'is not valid',
};

const takenNames = { email: 'e-mail address', username: 'user name', name: 'name' };

/** What addresses of these protocols begin with. */
export function prefixes(protocols: readonly string[]): string[] {
  return protocols.map((protocol) => `${protocol}//`);
}

/** `10 MiB`; smaller sizes with a decimal. */
export function megabytes(bytes: number): string {
  return `${Number((bytes / (1024 * 1024)).toFixed(1))} MiB`;
}

function bounds(min: number | undefined, max: number | undefined): string {
  const [least, most] = [min, max].map((bound) => bound?.toLocaleString('en-GB') ?? '');
  if (min === undefined) return `at most ${most}`;
  if (max === undefined) return `at least ${least}`;
  return min === max ? `exactly ${least}` : `${least} to ${most}`;
}
