import type { HandoffReason } from '../handoff/handoff.ts';
import { saysItDoesNotKnow } from '../handoff/does-not-know.ts';
import { changeOwner } from './change-owner.ts';
import type { Made } from './make-answer.ts';
import { conclude, endOf } from './end-turn.ts';
import type { Ending } from './give-up.ts';
import type { ActiveTurn, TurnsParts, TurnsState } from './state.ts';

/** The contract in whose conversations the AI hands over by itself. */
const channel = 'helpdesk';

/** How often it is looked who is in charge, and what is on its way, before a conversation is not handed over. */
const mostAttempts = 3;

/** Whether the guest is taken at the word who asks for a person. */
export function mayAskForPerson({ parts }: TurnsState, conversation: { channel: string }): boolean {
  return conversation.channel === channel && parts.settings().handoff.onRequest;
}

/** Whether a person goes on where the AI could not answer: nobody is forgotten. */
export function mayGiveUp(
  { settings }: Pick<TurnsParts, 'settings'>,
  conversation: { channel: string },
): boolean {
  return conversation.channel === channel && settings().handoff.onFailure;
}

/** Why a person is to go on after this answer; undefined where the AI does. */
export function reasonToHandOver(
  { parts }: TurnsState,
  turn: ActiveTurn,
  made: Made,
): HandoffReason | undefined {
  if (turn.channel !== channel) return undefined;
  const { onUnknown } = parts.settings().handoff;
  if (mayGiveUp(parts, turn)) {
    if (made.state === 'interrupted') return 'interrupted';
    if (made.state === 'failed' && isOfProvider(made)) return 'provider_failed';
  }
  const isClueless = onUnknown && made.state === 'completed' && saysItDoesNotKnow(turn.live.said());
  return isClueless ? 'does_not_know' : undefined;
}

function isOfProvider({ error }: Made): boolean {
  const code = error?.code;
  return code === 'provider_failed' || code === 'provider_timeout';
}

/** Ends the turn and puts its conversation into the queue, in one unit where that can be. Never rejects. */
export function handOver(
  state: TurnsState,
  turn: ActiveTurn,
  made: Made,
  reason: HandoffReason,
): Promise<void> {
  return state.order.run(turn.conversationId, async () => {
    // Whoever was before it in the order has ended it.
    if (turn.givenUp) return;
    turn.closing = true;
    void turn.live.seal();
    const own = { turn, end: endOf(state, turn, made, turn.live.said()) };
    if (await queue(state, turn, reason, own)) return;
    await conclude(state, turn, own.end);
    await queue(state, turn, reason);
  });
}

/** False where it could not be, or the AI is not in charge any more. */
async function queue(
  state: TurnsState,
  { conversationId, id, fence }: ActiveTurn,
  reason: HandoffReason,
  own?: Ending,
): Promise<boolean> {
  const { conversations, rows, log } = state.parts;
  try {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const conversation = await conversations.find(conversationId);
      if (conversation?.status !== 'open' || conversation.agentType !== 'ai') return false;
      // What another node has is not to end with others that go on.
      if (own !== undefined && (await rows.find(id))?.fence !== fence) return false;
      if (await changeOwner(state, conversation, waitingFor(reason), { own })) return true;
    }
  } catch (err) {
    log.warn({ err, turnId: id }, 'a conversation could not be handed over to a person');
  }
  return false;
}

/** The queue, into which the AI puts a conversation. */
export function waitingFor(reason: HandoffReason) {
  return {
    status: 'pending',
    agentType: 'human',
    assigneeId: null,
    cause: 'handed_off',
    actorId: null,
    reason,
  } as const;
}
