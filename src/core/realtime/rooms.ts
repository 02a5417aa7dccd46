/** Something that shows a conversation to somebody who is there. */
export interface Present<Self> {
  conversationId: number;
  /** Another of the same conversation; kept by `Rooms`. */
  next: Self | undefined;
}

/** What shows each conversation, for what is told to those who are there. */
export interface Rooms<Member> {
  enter(member: Member): void;
  /** Safe to repeat. */
  leave(member: Member): void;
  /** Those who are there now. */
  in(conversationId: number): Member[];
}

export function createRooms<Member extends Present<Member>>(): Rooms<Member> {
  // Most conversations have one member, and there are thousands: a chain costs them nothing.
  const firsts = new Map<number, Member>();
  return {
    enter(member) {
      member.next = firsts.get(member.conversationId);
      firsts.set(member.conversationId, member);
    },
    leave(member) {
      const first = firsts.get(member.conversationId);
      if (first === member) {
        if (member.next === undefined) firsts.delete(member.conversationId);
        else firsts.set(member.conversationId, member.next);
      }
      for (let each = first; each !== undefined; each = each.next) {
        if (each.next === member) each.next = member.next;
      }
      member.next = undefined;
    },
    in(conversationId) {
      const members: Member[] = [];
      for (let each = firsts.get(conversationId); each !== undefined; each = each.next) members.push(each);
      return members;
    },
  };
}
