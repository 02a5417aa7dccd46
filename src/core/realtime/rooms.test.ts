import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createRooms, type Present } from './rooms.ts';

interface Guest extends Present<Guest> {
  name: string;
}

it('rooms know who is there, whoever leaves and however often', () => {
  const rooms = createRooms<Guest>();
  const guest = (name: string, conversationId = 1): Guest => ({ name, conversationId, next: undefined });
  const [ann, bob, cat, dan] = [guest('ann'), guest('bob'), guest('cat'), guest('dan', 2)];
  const names = (id = 1) => rooms.in(id).map(({ name }) => name);
  rooms.leave(ann);
  for (const each of [ann, bob, cat, dan]) rooms.enter(each);
  assert.deepEqual([names(), names(2), names(3)], [['cat', 'bob', 'ann'], ['dan'], []]);
  rooms.leave(bob);
  rooms.leave(bob);
  assert.deepEqual(names(), ['cat', 'ann']);
  rooms.leave(cat);
  assert.deepEqual(names(), ['ann']);
  rooms.leave(ann);
  rooms.enter(bob);
  assert.deepEqual([names(), names(2)], [['bob'], ['dan']]);
});
