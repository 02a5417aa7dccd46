import { createChat } from './chat.js';
import { createComposer } from './composer.js';
import { element } from './element.js';
import { failureNote } from './exchange-view.js';
import { createGateway } from './gateway.js';
import { isOffline, showModels } from './model-list.js';
import { createSettings } from './settings.js';
import { say, translatePage } from './words.js';

translatePage();

const find = (id) => document.getElementById(id);
const gateway = createGateway({ apiKey: () => settings.apiKey() });
const settings = createSettings({ gateway: () => gateway, onKeyChange: loadModels });
const composer = createComposer({ onSend: ask, onStop: () => chat.stop() });
const chat = createChat({
  gateway,
  settings,
  announce: (text) => (find('announcer').textContent = text),
  onBusy: composer.setBusy,
  page: find('page'),
  place: find('conversation'),
});

find('new-chat').addEventListener('click', () => {
  chat.clear();
  find('welcome').hidden = false;
  composer.focus();
});
find('suggestions').append(...['suggestion1', 'suggestion2', 'suggestion3'].map(suggestion));
find('settings').addEventListener('close', composer.focus);
void loadModels();

function ask(question) {
  find('welcome').hidden = true;
  composer.focus();
  void chat.ask(question);
}

function suggestion(key) {
  const text = say(key);
  return element('li', {}, element('button', { type: 'button', onclick: () => ask(text) }, text));
}

async function loadModels() {
  const select = find('model');
  const notice = find('notice');
  showModels(select, [], '');
  notice.hidden = true;
  try {
    const models = await gateway.models();
    showModels(select, models, settings.model());
    find('welcome-note').textContent = say('offlineNote');
    find('welcome-note').hidden = !isOffline(models);
  } catch (thrown) {
    const message = `${say('noModels')} ${thrown.message}`;
    notice.replaceChildren(...failureNote({ message, requestId: thrown.requestId }).children);
    notice.hidden = false;
  }
}
