import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeskBench, key } from './desk.fixture.ts';
import { defaultDeskSettings } from './desk-settings.ts';
import { createKeptSettings } from './kept-settings.ts';

test('settings begin as shipped; what a change leaves out stays, and is audited', async (t) => {
  const { settings, boss, auditLog } = await createDeskBench(t);
  await settings.refresh();
  assert.deepEqual(settings.get(), defaultDeskSettings);
  let told = 0;
  const stop = settings.watch(() => told++);
  const changed = await settings.set(boss, { capacity: 3, handoff: { onUnknown: false }, model: 'fast' });
  const expected = {
    ...defaultDeskSettings,
    capacity: 3,
    model: 'fast',
    handoff: { onRequest: true, onUnknown: false, onFailure: true },
  };
  assert.deepEqual([changed, settings.get(), told], [expected, expected, 1]);
  stop();
  await settings.set(boss, { model: null, assignment: undefined });
  assert.deepEqual([settings.get().model, settings.get().capacity, told], [null, 3, 1]);
  const { entries } = await auditLog.list({ action: 'settings.update' }, { skip: 0, limit: 5 });
  assert.deepEqual(
    entries.map(({ actorName, details }) => [actorName, details]),
    [
      ['boss of the desk', { model: null }],
      ['boss of the desk', { capacity: 3, handoff: { onUnknown: false }, model: 'fast' }],
    ],
  );
});

test('another process learns of a change when it looks, and keeps it when it changes something else', async (t) => {
  const { settings, boss, storage, bench, idempotency } = await createDeskBench(t);
  const other = createKeptSettings({ ...bench, settings: storage.settings, idempotency });
  let told = 0;
  other.watch(() => told++);
  await settings.set(boss, { assignment: 'round_robin' });
  assert.equal(other.get().assignment, 'manual');
  await other.refresh();
  await other.refresh();
  assert.deepEqual([other.get().assignment, told], ['round_robin', 1]);
  await settings.set(boss, { capacity: 5 });
  await other.set(boss, { burstMs: 0 });
  assert.deepEqual([other.get().capacity, other.get().burstMs], [5, 0]);
});

test('a repeat under its key changes nothing again', async (t) => {
  const { settings, boss, auditLog } = await createDeskBench(t);
  await settings.set(boss, { capacity: 3 }, key('a'));
  await settings.set(boss, { capacity: 4 });
  const repeated = await settings.set(boss, { capacity: 3 }, key('a'));
  assert.equal(repeated.capacity, 4);
  assert.equal((await auditLog.list({}, { skip: 0, limit: 5 })).total, 2);
});

test('what is out of bounds is refused, its field named', async (t) => {
  const { settings, boss } = await createDeskBench(t);
  for (const [change, field, code = 'invalid_request'] of [
    [{ capacity: 0 }, 'capacity'],
    [{ capacity: 1001 }, 'capacity'],
    [{ capacity: 1.5 }, 'capacity'],
    [{ burstMs: -1 }, 'burstMs'],
    [{ burstMs: 10_001 }, 'burstMs'],
    [{ systemPrompt: '🙂'.repeat(16_001) }, 'systemPrompt'],
    [{ model: 'nobody' }, 'model', 'model_not_found'],
  ] as const) {
    await assert.rejects(async () => settings.set(boss, change), { code, field });
  }
  await settings.set(boss, { systemPrompt: '🙂'.repeat(16_000) });
  assert.equal(settings.get().capacity, defaultDeskSettings.capacity);
});
