import type { Conversation } from '../../core/conversations/conversations.ts';
import type { Core } from '../../core/core.ts';
import { invalidField, ParleyError } from '../../core/errors.ts';
import type { Participant } from '../../core/identity/caller.ts';
import { readBudget, type Budget } from '../../core/money/budget.ts';
import type { Asked, Question } from '../../core/turns/turn.ts';
import type { BudgetBody } from './schemas/budget.ts';

/**
 * What somebody logs in with: every login takes user name or e-mail address. Throws `invalid_request` for what can be
 * neither.
 */
export function loginFrom(text: string): string {
  const login = text.trim();
  const canBe = login.includes('@') ? /^[^\s@]+@[^\s@]+$/u.test(login) : /^[^]{3,}$/u.test(login);
  if (!canBe) throw invalidField('email', { kind: 'email' });
  return login;
}

/** A customer's message in core's words. What administrators have set for the helpdesk holds for its own conversations only. */
export function questionOf(
  core: Pick<Core, 'deskSettings'>,
  { id, channel }: Pick<Conversation, 'id' | 'channel'>,
  text: string,
  from: Pick<Question, 'endpoint' | 'requestId' | 'idempotency'>,
): Question {
  const question: Question = {
    contract: 'helpdesk',
    ...from,
    place: { kind: 'existing', id },
    text,
    gathers: true,
  };
  if (channel !== 'helpdesk') return question;
  const { systemPrompt, model } = core.deskSettings.get();
  return { ...question, systemPrompt: systemPrompt ?? ownPrompt, model: model ?? undefined };
}

/** `Turns.ask`, where what core calls the message is this contract's `content`. */
export async function askAs(
  { turns }: Pick<Core, 'turns'>,
  caller: Participant,
  question: Question,
): Promise<Asked> {
  try {
    return await turns.ask(caller, question);
  } catch (thrown) {
    const isOfMessage = thrown instanceof ParleyError && thrown.field === 'message';
    throw isOfMessage && thrown.issue !== undefined ? invalidField('content', thrown.issue) : thrown;
  }
}

/** What the AI is told of its task where administrators have said nothing. */
const ownPrompt =
  'You are the assistant of a customer support desk. Answer in the language of the customer, briefly and kindly. Say so plainly when you do not know something: a person can take over, whom the customer may ask for at any time. Never invent facts about orders, prices or promises.';

/** Tokens, or an amount with its currency. Throws `invalid_request`. */
export function budgetFrom(body: BudgetBody | null | undefined): Budget | null | undefined {
  if (body === null || body === undefined) return body;
  const { tokens, amount, currency } = body;
  if (tokens === undefined && amount === undefined) throw invalidField('budget.tokens', { kind: 'required' });
  if (amount === undefined && currency !== undefined)
    throw invalidField('budget.currency', { kind: 'unknown_field' });
  if (tokens === undefined) return moneyOf(amount, currency);
  if (amount !== undefined) throw invalidField('budget.amount', { kind: 'unknown_field' });
  return { tokens };
}

function moneyOf(amount = 0, currency: BudgetBody['currency']): Budget {
  if (currency === undefined) throw invalidField('budget.currency', { kind: 'required' });
  return readBudget({ amount, currency });
}
