import type { Screen } from './socket-screen.ts';

/** The screens of each conversation, for what is told to those who are there. */
export interface Rooms {
  enter(screen: Screen): void;
  leave(screen: Screen): void;
  /** Those who are there now. */
  in(conversationId: number): Screen[];
}

export function createRooms(): Rooms {
  // Most conversations have one screen, and there are thousands: a chain costs them nothing.
  const firsts = new Map<number, Screen>();
  return {
    enter(screen) {
      screen.next = firsts.get(screen.conversationId);
      firsts.set(screen.conversationId, screen);
    },
    leave(screen) {
      const first = firsts.get(screen.conversationId);
      if (first === screen) {
        if (screen.next === undefined) firsts.delete(screen.conversationId);
        else firsts.set(screen.conversationId, screen.next);
      }
      for (let each = first; each !== undefined; each = each.next) {
        if (each.next === screen) each.next = screen.next;
      }
      screen.next = undefined;
    },
    in(conversationId) {
      const screens: Screen[] = [];
      for (let each = firsts.get(conversationId); each !== undefined; each = each.next) screens.push(each);
      return screens;
    },
  };
}
