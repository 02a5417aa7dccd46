import { element } from './element.js';
import { createMarkdownView } from './markdown.js';
import { say } from './words.js';

/** How an exchange looks: the question, and an answer that grows. */
export function createExchangeView(question) {
  const text = element('div', { className: 'text' });
  const below = element('div', { className: 'below' });
  const answer = element('article', { className: 'answer waiting' }, unseenHeading('Parley'), text, below);
  answer.setAttribute('aria-busy', 'true');
  const root = element(
    'div',
    { className: 'exchange' },
    element('article', { className: 'question' }, unseenHeading(say('you')), element('p', {}, question)),
    answer,
  );
  const markdown = createMarkdownView(text);
  const end = (...nodes) => {
    answer.classList.remove('waiting', 'growing');
    answer.removeAttribute('aria-busy');
    below.replaceChildren(...nodes);
  };
  return {
    root,
    show(answerText) {
      answer.classList.replace('waiting', 'growing');
      markdown.show(answerText);
    },
    finish: (facts) => end(factsLine(facts)),
    stop: () => end(factsLine([{ text: say('stopped') }])),
    fail: (failure, actions) =>
      end(failureNote(failure), element('div', { className: 'actions' }, ...actions)),
  };
}

function unseenHeading(text) {
  return element('h2', { className: 'unseen' }, text);
}

function factsLine(facts) {
  const spans = facts.map(({ text, title = '', className = '' }) =>
    element('span', { title, className }, text),
  );
  return element('p', { className: 'facts' }, ...spans);
}

/** A failure in plain words, with the id that finds it in the server's log. */
export function failureNote({ message, requestId }) {
  const id = requestId === null || requestId === undefined ? [] : [requestIdLine(requestId)];
  return element('div', { className: 'failure' }, element('p', {}, message), ...id);
}

function requestIdLine(id) {
  return element('p', { className: 'request-id' }, say('requestId', { id }));
}
