import { giveUpForAnother } from './give-up.ts';
import { joinForAnother } from './join-elsewhere.ts';
import { lose, takeOverLapsed } from './look.ts';
import { noteNotice, onNotice, requests } from './other-nodes.ts';
import { relay } from './relay.ts';
import type { TurnsState } from './state.ts';
import { halt } from './stop.ts';

/** Answers what other nodes ask about the turns of this one, and takes in what they tell. */
export function serveOthers(state: TurnsState): void {
  const { nodes, log } = state.parts;
  const { active } = state;
  nodes.serve(requests.follow, (body) => Promise.resolve(relay(state, idOf(body))));
  nodes.serve(requests.stop, (body) => {
    const turn = active.get(idOf(body));
    if (turn !== undefined) halt(state, turn);
    return Promise.resolve(turn !== undefined);
  });
  nodes.serve(requests.giveUp, (body) => giveUpForAnother(state, (body as { ids: number[] }).ids));
  nodes.serve(requests.join, (body) => joinForAnother(state, body));
  onNotice(state, (notice) => {
    noteNotice(state, notice);
    if (notice.type === 'taken') {
      const turn = active.get(notice.id);
      if (turn !== undefined && turn.fence < notice.fence && !turn.givenUp && !turn.closing)
        lose(state, turn);
    }
    if (notice.type !== 'left') return;
    takeOverLapsed(state).catch((err: unknown) =>
      log.warn({ err }, 'answers that another node has left could not be taken over yet'),
    );
  });
}

function idOf(body: unknown): number {
  return (body as { id: number }).id;
}
