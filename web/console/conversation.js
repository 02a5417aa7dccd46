/** Longest history that is sent along, in characters; the oldest exchanges are left out first. */
const maxHistoryChars = 250_000;
/** The gateway takes 1,000 messages. */
const maxExchanges = 400;

/**
 * What was said in this page: exchanges of a question and its answer. An answer that was stopped counts as far as it
 * came; an exchange without an answer is not told to the model.
 */
export function createConversation() {
  let exchanges = [];
  return {
    add(question) {
      const exchange = { question, answer: '' };
      exchanges.push(exchange);
      return exchange;
    },
    /** Forgets an exchange that is tried again. */
    remove(exchange) {
      exchanges = exchanges.filter((other) => other !== exchange);
    },
    clear() {
      exchanges = [];
    },
    /** What came before an exchange, as `conversation_history`. */
    historyBefore(exchange) {
      const earlier = exchanges
        .slice(0, exchanges.indexOf(exchange))
        .filter(({ answer }) => answer.trim() !== '');
      return messagesOf(newest(earlier));
    },
  };
}

function newest(exchanges) {
  let chars = 0;
  const fitting = exchanges
    .slice(-maxExchanges)
    .reverse()
    .map((exchange) => {
      chars += exchange.question.length + exchange.answer.length;
      return { exchange, fits: chars <= maxHistoryChars };
    });
  return fitting
    .filter(({ fits }) => fits)
    .map(({ exchange }) => exchange)
    .reverse();
}

function messagesOf(exchanges) {
  return exchanges.flatMap(({ question, answer }) => [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ]);
}
