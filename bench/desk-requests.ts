import type { FilledParley } from './filled-parley.ts';
import { guestIdOf } from './fill/desk.ts';
import { adminId, agentIds, heavyId, type Population } from './fill/population.ts';
import type { Kind } from './large-requests.ts';
import { seededRandom } from './questions.ts';

const variants = 400;
const conversations = '/api/v1/admin/conversations';
const customers = '/api/v1/admin/customers';

/** Alone and together; each finds more than a page also in the small database. */
const filters = [
  '',
  'status=open',
  'status=pending',
  'status=resolved',
  'agent_type=ai',
  'agent_type=human',
  'priority=urgent',
  'status=closed&priority=low',
  'status=resolved&agent_type=human',
  'status=resolved&agent_type=ai&priority=high',
];

/** What staff ask for: the same in every run. */
export function deskRequests(population: Population): (filled: FilledParley) => Kind[] {
  return (filled) => {
    const random = seededRandom(13);
    const headers = filled.headersOf(adminId);
    const read = (name: string, path: string | string[]): Kind => {
      return { name, writes: false, requests: { path, headers, bodies: [] } };
    };
    const agents = agentIds(population).map((id) => `assignee_id=${id}`);
    const guests = population.desk?.guests ?? 1;
    const someGuests = Array.from({ length: variants }, () => guestIdOf(Math.floor(random() * guests)));
    const searching = (words: (guestId: string) => string) =>
      someGuests.map((guestId) => `${customers}?search=${encodeURIComponent(words(guestId))}`);
    return [
      ...filters.map((filter) => read(`conversations ${filter || 'of all'}`, `${conversations}?${filter}`)),
      read('conversations, fifth page', `${conversations}?offset=80`),
      read(
        'conversations of an agent',
        agents.map((agent) => `${conversations}?${agent}`),
      ),
      read(
        'conversations of an agent, status=resolved',
        agents.map((agent) => `${conversations}?${agent}&status=resolved`),
      ),
      read('conversations of a customer', `${conversations}?customer_id=${heavyId}`),
      read('customers', customers),
      read('customers, fifth page', `${customers}?offset=80`),
      read(
        'customer by a part of the guest id',
        searching((guestId) => guestId.slice(-9)),
      ),
      read(
        'customer by two words',
        searching((guestId) => `${guestId.slice(0, 3)} ${guestId.slice(-8)}`),
      ),
      read('customer by address', `${customers}?search=user23%40`),
      read('dashboard', '/api/v1/admin/analytics/dashboard'),
    ];
  };
}
