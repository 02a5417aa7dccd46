import type { Conversation } from '../../storage/conversations.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { ownConversation } from '../conversations/own.ts';
import { refuseOverQuota } from '../conversations/quota.ts';
import { titleFor } from '../conversations/title.ts';
import { wantsPerson } from '../handoff/wants-person.ts';
import { ownerOf, type Participant, type UserCaller } from '../identity/caller.ts';
import { isRefused } from '../storage-failure.ts';
import { beginTurn, type Asking } from './begin-turn.ts';
import { changeOwner, type NewOwner } from './change-owner.ts';
import { join, joinableTurn } from './gathering.ts';
import { mayAskForPerson, waitingFor } from './hand-over.ts';
import { joinElsewhere, wasJoined } from './join-elsewhere.ts';
import {
  changesTooQuickly,
  refuseOverBudget,
  refuseWhereManyWait,
  refuseUnderLoad,
  refuseWhatDoesNotFit,
  refuseWhenDraining,
} from './refusals.ts';
import type { TurnsParts, TurnsState } from './state.ts';
import type { Asked, Question } from './turn.ts';

/** How often it is looked who is in charge before a question is refused. */
const mostAttempts = 8;

/** See `Turns.ask`. */
export async function ask(state: TurnsState, caller: Participant, question: Question): Promise<Asked> {
  const { place } = question;
  if (place.kind === 'existing') return askIn(state, caller, question, place.id);
  if (caller.kind === 'guest') return askIn(state, caller, question, caller.conversationId);
  if (place.kind === 'new') return askInNew(state, caller, question);
  return state.placing.run(caller.userId, () => askInCurrent(state, caller, question));
}

/** Where another node begins a conversation of the user's at the same time, it is looked again which one is current. */
async function askInCurrent(state: TurnsState, caller: UserCaller, question: Question): Promise<Asked> {
  const { conversations } = state.parts;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const lastPlace = await conversations.lastPlaceOf(caller.userId);
    const current = await currentOf(state.parts, caller, question.contract);
    if (current !== undefined) return askIn(state, caller, question, current.id);
    try {
      return await askInNew(state, caller, question, lastPlace + 1);
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
    }
  }
  throw changesTooQuickly();
}

/** The user's newest conversation of the contract, unless it has been idle for too long. */
async function currentOf(
  { conversations, runtime, idleMs }: TurnsParts,
  { userId }: UserCaller,
  contract: string,
): Promise<Conversation | undefined> {
  const newest = await conversations.newestOf(userId, contract);
  const isCurrent = newest !== undefined && newest.lastMessageAt >= runtime.now() - idleMs;
  return isCurrent ? newest : undefined;
}

/** `userPlace`: the number among the user's conversations that it must have. */
function askInNew(
  state: TurnsState,
  caller: UserCaller,
  question: Question,
  userPlace?: number,
): Promise<Asked> {
  const { parts, order } = state;
  const guard = { userPlace, mostOfUser: parts.conversationsPerUser };
  return once(state, caller, question, 0, async (asking) => {
    for (;;) {
      await refuseOverQuota(parts.conversations, caller, parts.conversationsPerUser);
      refuseWhatDoesNotFit(parts, question, question.systemPrompt ?? null);
      await refuseOverBudget(parts, caller, question, question.systemPrompt ?? null);
      refuseUnderLoad(state, 0);
      const id = await parts.conversations.nextId();
      asking.asked.conversationId = id;
      try {
        // As soon as it is stored, somebody else may want to take it.
        return await order.run(id, () => beginTurn(state, asking, guard));
      } catch (thrown) {
        // Where the place is not taken, the quota is: it is refused above.
        if (!isRefused(thrown) || userPlace !== undefined) throw thrown;
      }
    }
  });
}

function askIn(state: TurnsState, caller: Participant, question: Question, id: number): Promise<Asked> {
  const { conversations } = state.parts;
  return state.order.run(id, async () => {
    const conversation = await ownConversation(conversations, caller, id);
    return once(state, caller, question, id, async (asking) => {
      let now = conversation;
      for (let attempt = 0; attempt < mostAttempts; attempt++) {
        try {
          if (await put(state, withModel(asking, now), now)) return;
        } catch (thrown) {
          if (!(await wasJoined(state, asking, thrown))) throw thrown;
          return state.parts.feed.wake(id, now.userId);
        }
        now = await ownConversation(conversations, caller, id);
      }
      throw changesTooQuickly();
    });
  });
}

function once(
  { parts }: TurnsState,
  caller: Participant,
  question: Question,
  conversationId: number,
  write: (asking: Asking) => Promise<void>,
): Promise<Asked> {
  // Filled where nothing stands in the way, so that repeats and refusals use up no ids; the claim shares this object.
  const asked: Asking['asked'] = { conversationId, questionId: 0, turnId: 0 };
  return parts.idempotency.once<Asked>(
    ownerOf(caller),
    question.idempotency,
    asked,
    async (claim) => {
      await write({ caller, question, asked, claim, offer: { turnId: null } });
      return { ...asked, repeated: false };
    },
    (earlier) => Promise.resolve({ ...(earlier as typeof asked), repeated: true }),
  );
}

/** Where the question names no model, the conversation does. */
function withModel(asking: Asking, { model }: Conversation): Asking {
  if (asking.question.model !== undefined || model === null) return asking;
  return { ...asking, question: { ...asking.question, model } };
}

/** Puts the question to whoever is in charge; false where that has to be looked at once more. */
async function put(state: TurnsState, asking: Asking, conversation: Conversation): Promise<boolean> {
  const { status, agentType } = conversation;
  const isOver = status === 'resolved' || status === 'closed';
  if (!isOver && agentType === 'human') return post(state, asking, conversation);
  const { question, caller } = asking;
  if (mayAskForPerson(state, conversation) && wantsPerson(question.text)) {
    return changeFirst(state, conversation, waitingFor('asked_for_a_person'));
  }
  const systemPrompt = question.systemPrompt ?? conversation.systemPrompt;
  refuseWhatDoesNotFit(state.parts, question, systemPrompt);
  await refuseOverBudget(state.parts, caller, question, systemPrompt);
  if (isOver) return changeFirst(state, conversation, { ...reopened, actorId: caller.userId });
  return askAi(state, asking, conversation);
}

const reopened = {
  status: 'open',
  agentType: 'ai',
  assigneeId: null,
  cause: 'reopened',
  reason: null,
} as const;

async function changeFirst(state: TurnsState, conversation: Conversation, owner: NewOwner): Promise<false> {
  refuseUnderLoad(state, conversation.id);
  await changeOwner(state, conversation, owner);
  return false;
}

async function askAi(state: TurnsState, asking: Asking, conversation: Conversation): Promise<boolean> {
  const gathers = asking.question.gathers && asking.question.parts === undefined;
  const gathering = gathers ? joinableTurn(state, conversation.id) : undefined;
  if (gathering !== undefined) {
    refuseWhenDraining(state);
    if (await join(state, gathering, asking)) {
      state.parts.feed.wake(conversation.id, conversation.userId);
      return true;
    }
  } else if (gathers) {
    refuseWhenDraining(state);
    if (await joinElsewhere(state, asking, conversation)) {
      state.parts.feed.wake(conversation.id, conversation.userId);
      return true;
    }
  }
  refuseUnderLoad(state, conversation.id);
  if (await unlessRefused(beginTurn(state, asking, conversation))) return true;
  await refuseWhereManyWait(state, conversation.id);
  return false;
}

/** A question to a person, or to the queue. */
async function post(state: TurnsState, asking: Asking, conversation: Conversation): Promise<boolean> {
  const { posts, messages, runtime, dayOf, feed, completions } = state.parts;
  const { question, asked, claim } = asking;
  const { id: conversationId, userId, channel } = conversation;
  refuseUnderLoad(state, conversationId);
  // One that was offered to another node is stored once: under this id.
  if (asking.offer.turnId === null) asked.questionId = await messages.nextId();
  asked.turnId = null;
  const at = runtime.now();
  const isPosted = await posts.post(
    {
      id: asked.questionId,
      conversationId,
      userId,
      channel,
      agentId: null,
      content: question.text,
      parts: question.parts,
      title: titleFor(conversation, question.text, question.parts),
      tokens: estimateTokens(question.text),
      at,
      day: dayOf(at),
      countedModel: question.model ?? completions.defaultModel(),
    },
    claim,
  );
  if (isPosted) feed.wake(conversationId, userId);
  return isPosted;
}

/** False where somebody else is in charge by now, or the conversation was removed. */
async function unlessRefused(stored: Promise<void>): Promise<boolean> {
  try {
    await stored;
    return true;
  } catch (thrown) {
    if (isRefused(thrown)) return false;
    throw thrown;
  }
}
