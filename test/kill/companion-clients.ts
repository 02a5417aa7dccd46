import { beginAsking, noteAsked, noteOutcome, type Asking } from './records.ts';
import { drawPace, insist, request, think, type Person, type World } from './world.ts';

export interface CompanionMessage {
  id: string;
  sessionId: string;
  role: string;
  content: string;
  state: string;
}

interface AnswerBody {
  response: string;
  messages: CompanionMessage[];
}

/** A person who keeps asking in the running chat, and sometimes sends a question twice. */
export async function runCompanionClient(world: World, person: Person): Promise<void> {
  const { chance, records } = world;
  while (world.isRunning()) {
    const asking = beginAsking(records, 'companion', person.name, drawPace(world));
    const waiting = [ask(world, person, asking)];
    if (chance.percent(15)) waiting.push(ask(world, person, asking));
    await Promise.all(waiting);
    await think(world);
  }
}

async function ask(world: World, person: Person, asking: Asking): Promise<void> {
  const { records, moments } = world;
  const headers = { 'idempotency-key': asking.id };
  const body = { message: asking.text };
  const { status, body: told } = await insist(world, `the question ${asking.id}`, (life) =>
    request<AnswerBody>(life, 'POST', '/api/v1/chat', person.companionToken, { body, headers }),
  );
  if (status !== 200) return noteOutcome(records, moments, asking, { failure: status });
  const at = told.messages.findIndex(({ content }) => content === asking.text);
  const answer = told.messages[at + 1];
  if (at < 0 || answer?.role !== 'assistant' || answer.content !== told.response) {
    records.faults.push(`${asking.id}: the chat does not show the answer ${JSON.stringify(told)}`);
    return;
  }
  noteAsked(records, moments, asking, Number(answer.sessionId), Number(answer.id));
  noteOutcome(records, moments, asking, { content: answer.content, status: answer.state });
}
