import { createConversation } from './conversation.js';
import { element } from './element.js';
import { createExchangeView } from './exchange-view.js';
import { say } from './words.js';

/**
 * Asks, shows the answer as it comes, and remembers. `settings`, `announce` (says a text to screen readers) and `onBusy`
 * come from the page.
 */
export function createChat({ gateway, settings, announce, onBusy, page, place }) {
  const conversation = createConversation();
  let running = null;

  async function ask(question) {
    stop();
    const exchange = conversation.add(question);
    const view = createExchangeView(question);
    const controller = new AbortController();
    running = controller;
    place.append(view.root);
    page.scrollTop = page.scrollHeight;
    onBusy(true);
    announce(say('answering'));
    try {
      const facts = await receive(exchange, view, controller.signal);
      followed(page, () => view.finish(facts));
      announce(say('answered', { text: exchange.answer.trim() || say('noText') }));
    } catch (thrown) {
      end(thrown, exchange, view);
    } finally {
      if (running === controller) {
        running = null;
        onBusy(false);
      }
    }
  }

  async function receive(exchange, view, signal) {
    const request = { ...settings.forRequest(), message: exchange.question };
    const body = { ...request, conversation_history: conversation.historyBefore(exchange) };
    const show = oncePerFrame(() => followed(page, () => view.show(exchange.answer)));
    const begun = performance.now();
    let cache = null;
    let last = null;
    try {
      for await (const frame of gateway.answer(body, signal)) {
        if (frame.cache !== undefined) cache = frame.cache;
        if (frame.finished) last = frame;
        if (frame.chunk === undefined) continue;
        exchange.answer += frame.chunk;
        show.soon();
      }
    } finally {
      show.now();
    }
    if (exchange.answer.trim() === '') view.show(say('noText'));
    return factsOf({ asked: request.model, cache, last, ms: performance.now() - begun });
  }

  function end(thrown, exchange, view) {
    if (thrown.name === 'AbortError') {
      announce(say('stopped'));
      return followed(page, view.stop);
    }
    announce(thrown.message);
    const again = () => {
      conversation.remove(exchange);
      view.root.remove();
      void ask(exchange.question);
    };
    const actions = [button(say('tryAgain'), again)];
    if (thrown.code === 'UNAUTHORIZED') actions.push(button(say('settings'), settings.askForKey));
    followed(page, () => view.fail(thrown, actions));
  }

  function stop() {
    running?.abort();
  }

  return {
    ask,
    stop,
    clear() {
      stop();
      conversation.clear();
      place.replaceChildren();
    },
  };
}

function button(text, onclick) {
  return element('button', { type: 'button', onclick }, text);
}

/** What is said beneath an answer: who gave it, whether from the cache, tokens, time. */
function factsOf({ asked, cache, last: { model, usage }, ms }) {
  const fellBack = asked !== undefined && model !== asked;
  return [
    { text: fellBack ? say('instead', { model, asked }) : model, className: fellBack ? 'fell-back' : '' },
    cache === 'HIT' ? { text: say('cached'), className: 'cached' } : { text: say('notCached') },
    {
      text: say('tokens', { prompt: usage.prompt_tokens, completion: usage.completion_tokens }),
      title: say('tokensExplained'),
    },
    { text: duration(ms) },
  ];
}

function duration(ms) {
  if (ms < 1000) return say('milliseconds', { ms: Math.round(ms) });
  return say('seconds', { seconds: (ms / 1000).toFixed(ms < 10_000 ? 1 : 0) });
}

/** Draws at most once a frame; hidden pages have no frames, so `now` draws what is left. */
function oncePerFrame(draw) {
  let frame = null;
  const now = () => {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
    draw();
  };
  return {
    now,
    soon() {
      frame ??= requestAnimationFrame(now);
    },
  };
}

/** Keeps the end in sight while the page grows, unless the reader scrolled away from it. */
function followed(page, change) {
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  change();
  if (atEnd) page.scrollTop = page.scrollHeight;
}
