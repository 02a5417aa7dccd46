import { setTimeout } from 'node:timers/promises';
import { answerTo } from '../kill/questions.ts';
import type { Person } from '../kill/world.ts';
import { request } from '../support/insist.ts';
import { at, hearFirstAt, inTime, measure, type Scenario } from './scenarios.ts';

/** Within this, a stop on one node is acknowledged where another makes the answer. */
const stopMs = 2_000;
/** What is on its way to the vendor, or from it, has arrived after this. */
const silenceMs = 500;

/** An answer is stopped at the node that does not make it. */
export const stopElsewhere: Scenario = async (stage) => {
  const { cluster, extras, vendor, world } = stage;
  const { records } = world;
  const [person] = extras as [Person];
  const [maker, other] = world.chance.shuffled([cluster.one, cluster.two]) as [
    typeof cluster.one,
    typeof cluster.one,
  ];
  const { asking, begun, ended } = hearFirstAt(stage, maker, person);
  const asked = at(stage, 'asked', asking);
  await inTime('the answer begins', Promise.all([asked, begun]));
  asking.stopped = true;
  const stoppedAt = performance.now();
  const path = `/api/v1/chat/sessions/${asking.sessionId}/stop`;
  const { url } = await cluster.mostlyAt(other).life();
  const { status } = await request({ url }, 'POST', path, person.token);
  measure(stage, 'an answer was stopped from the other node', performance.now() - stoppedAt, stopMs);
  if (status !== 200) records.faults.push(`stopping ${asking.id} was answered ${status}`);
  const called = vendor.calls.find(({ question }) => question === asking.text);
  records.stops.push({ id: asking.id, told: called?.told.length ?? 0 });
  await inTime('the stopped answer ends', ended);
  await setTimeout(silenceMs);
  const [before, whole] = [called?.told.length ?? 0, answerTo(asking.text).length];
  await setTimeout(silenceMs);
  const after = called?.told.length ?? 0;
  if (after > before && after < whole)
    records.faults.push(`the vendor goes on with ${asking.id}, which was stopped`);
};
