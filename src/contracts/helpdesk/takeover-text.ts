/** What a customer is told of a change of who is in charge (helpdesk.md, "状态更新"). */
export function takeoverText(change: Change, language: 'zh' | 'en'): string {
  return texts[happened(change)][language](change.assigneeName ?? '');
}

interface Change {
  status: string;
  agentType: string;
  assigneeName: string | null;
}

type Happening = 'resolved' | 'closed' | 'waiting' | 'taken' | 'ai';

function happened({ status, agentType, assigneeName }: Change): Happening {
  if (status === 'resolved' || status === 'closed') return status;
  if (agentType === 'ai') return 'ai';
  return status === 'pending' || assigneeName === null ? 'waiting' : 'taken';
}

const texts: Record<Happening, Record<'zh' | 'en', (name: string) => string>> = {
  resolved: { zh: () => '对话已解决', en: () => 'The conversation is resolved.' },
  closed: { zh: () => '对话已关闭', en: () => 'The conversation is closed.' },
  waiting: { zh: () => '正在为您转接人工客服，请稍候', en: () => 'You are waiting for a person.' },
  taken: {
    zh: (name) => `${name || '客服'}已接管对话`,
    en: (name) => `${name || 'An agent'} has taken over the conversation.`,
  },
  ai: { zh: () => 'AI助手已接管对话', en: () => 'The AI assistant is in charge of the conversation.' },
};
