import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { within } from './support/eventually.ts';
import { startParley, type Parley } from './support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

const executablePath = '/usr/bin/chromium';
const skip = existsSync(executablePath) ? false : `needs a browser at ${executablePath}`;
/** A model of a provider that has no key. */
const unconfigured = 'claude-opus-5';
const args = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

suite('the console in a browser', { skip }, () => {
  let parley: Parley;
  let vendor: ScriptedVendor;
  let context: BrowserContext;
  let page: Page;
  /** What went wrong in the page, and what it asked of other hosts. */
  let complaints: string[] = [];
  const profile = mkdtempSync(join(tmpdir(), 'parley-browser-'));

  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_DEFAULT_MODEL: 'gpt-4o-mini' },
      yaml: { fallback: { default: [], models: { [unconfigured]: ['gpt-4o'] } } },
    });
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      args,
      chromiumSandbox: false,
      locale: 'en-US',
      viewport: { width: 1000, height: 700 },
    });
    context.setDefaultTimeout(15_000);
  });

  beforeEach(async () => {
    complaints = [];
    await page?.close();
    page = await openPage(context);
  });

  after(async () => {
    await context?.close();
    await parley?.close();
    await vendor?.close();
    rmSync(profile, { recursive: true, force: true });
  });

  async function openPage(from: BrowserContext): Promise<Page> {
    const opened = await from.newPage();
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    opened.on('request', (request) => {
      if (!request.url().startsWith(parley.url)) complaints.push(`asked for ${request.url()}`);
    });
    await opened.goto(parley.url);
    await opened.locator('optgroup').first().waitFor({ state: 'attached' });
    return opened;
  }

  async function send(message: string): Promise<void> {
    await page.getByLabel('Message', { exact: true }).fill(message);
    await page.keyboard.press('Enter');
  }

  const lastAnswer = () => page.locator('.answer').last();
  const facts = () => lastAnswer().locator('.facts');
  const finished = () => page.locator('.exchange:last-child .answer:not([aria-busy])').waitFor();

  /** Asks, and lets the vendor answer in these pieces. */
  async function exchange(question: string, ...pieces: string[]): Promise<Record<string, unknown>> {
    await send(question);
    const call = await vendor.next();
    for (const piece of pieces) await call.delta(piece);
    call.finish();
    await finished();
    return call.body;
  }

  test('an answer is shown as it comes, then who gave it', async () => {
    await send('How are you?');
    const call = await vendor.next();
    await call.delta('I am **do');
    await lastAnswer().getByText('I am **do').waitFor();
    assert.equal(await lastAnswer().getAttribute('aria-busy'), 'true');
    await call.delta('ing** wéll, 你好');
    await lastAnswer().getByText('wéll, 你好').waitFor();
    call.finish();
    await finished();
    assert.equal(await lastAnswer().locator('strong').textContent(), 'doing');
    assert.match((await facts().textContent()) ?? '', /^gpt-4o-mininot cached10 \+ 15 tokens[\d.]+ m?s$/);
    assert.equal(await page.getByRole('status').textContent(), 'Answer: I am **doing** wéll, 你好');
    assert.deepEqual(complaints, []);
  });

  test('the conversation is sent along, until a new one is begun', async () => {
    await exchange('My name is Ada.', 'Hello ', 'Ada.');
    const second = await exchange('What is my name?', 'Ada');
    assert.deepEqual(second['messages'], [
      { role: 'user', content: 'My name is Ada.' },
      { role: 'assistant', content: 'Hello Ada.' },
      { role: 'user', content: 'What is my name?' },
    ]);
    await page.getByRole('button', { name: 'New chat' }).click();
    assert.equal(await page.locator('.exchange').count(), 0);
    const third = await exchange('Who am I?', 'I cannot know.');
    assert.deepEqual(third['messages'], [{ role: 'user', content: 'Who am I?' }]);
    assert.deepEqual(complaints, []);
  });

  test('the same question in a new chat is answered from the cache', async () => {
    await exchange('What is cached?', 'This is.');
    assert.match((await facts().textContent()) ?? '', /not cached/);
    const calls = vendor.count();
    await page.getByRole('button', { name: 'New chat' }).click();
    await send('What is cached?');
    await finished();
    assert.equal(await lastAnswer().locator('.text').textContent(), 'This is.');
    assert.equal(await facts().locator('.cached').textContent(), 'cached');
    assert.equal(vendor.count(), calls);
    assert.deepEqual(complaints, []);
  });

  test('Stop ends the work of the vendor and keeps what came', async () => {
    await send('Tell me a long story.');
    const call = await vendor.next();
    await call.delta('Once upon a time');
    await lastAnswer().getByText('Once upon a time').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await within(5_000, call.closed);
    await finished();
    assert.equal(await lastAnswer().locator('.text').textContent(), 'Once upon a time');
    assert.equal(await facts().textContent(), 'Stopped');
    assert.equal(await page.evaluate('document.activeElement.id'), 'message');
    const next = await exchange('Go on.', 'there was');
    assert.deepEqual(next['messages'], [
      { role: 'user', content: 'Tell me a long story.' },
      { role: 'assistant', content: 'Once upon a time' },
      { role: 'user', content: 'Go on.' },
    ]);
    assert.deepEqual(complaints, []);
  });

  test('Stop works before the first word, too', async () => {
    await send('Think long.');
    const call = await vendor.next();
    await page.getByRole('button', { name: 'Stop' }).click();
    await within(5_000, call.closed);
    await finished();
    assert.equal(await facts().textContent(), 'Stopped');
    assert.deepEqual(complaints, []);
  });

  test('markup in questions and answers stays text', async () => {
    const hostile = '<img src="/x" onerror="document.title=1"> <script>document.title = 2</script>';
    const link = '[click](javascript:document.title=3)';
    await exchange(hostile, `${hostile}\n\n${link}\n\n\`\`\`html\n<b>${hostile}</b>\n`, '```');
    const shown = (await lastAnswer().locator('.text').textContent()) ?? '';
    assert.ok(shown.includes(hostile) && shown.includes(link) && shown.includes(`<b>${hostile}</b>`));
    assert.equal(await page.locator('.question p').textContent(), hostile);
    assert.equal(await page.locator('.exchange :is(img, script, b, a)').count(), 0);
    assert.equal(await page.title(), 'Parley');
    assert.deepEqual(complaints, []);
  });

  test('Markdown is shown as what it means', async () => {
    const answer = [
      '# Title\n\nOne *two* `three` https://example.com/a.\nshort line\n',
      '- a\n- b\n  - c\n\n3. x\n4. y\n\n> quoted\n> again\n\n| h1 | h2 |\n|----|:--:|\n| 1 | **2** |\n\n---\n\n',
      '```js\nconst a = 1 < 2;\n\n  b();\n```',
    ];
    await exchange('Show everything.', ...answer);
    const text = lastAnswer().locator('.text');
    assert.equal(await text.locator('h3').textContent(), 'Title');
    assert.equal(await text.locator('> p').textContent(), 'One two three https://example.com/a.\nshort line');
    assert.equal(await text.locator('a').getAttribute('href'), 'https://example.com/a');
    assert.deepEqual(await text.locator('> ul > li > ul > li').allTextContents(), ['c']);
    assert.equal(await text.locator('ol').getAttribute('start'), '3');
    assert.deepEqual(await text.locator('ol > li').allTextContents(), ['x', 'y']);
    assert.equal(await text.locator('blockquote').textContent(), 'quoted\nagain');
    assert.deepEqual(await text.locator('th, td').allTextContents(), ['h1', 'h2', '1', '2']);
    assert.equal(await text.locator('pre').textContent(), 'const a = 1 < 2;\n\n  b();');
    assert.equal(await text.locator('hr').count(), 1);
    assert.deepEqual(complaints, []);
  });

  test('hostile Markdown is shown without delay', async () => {
    const hostile = [
      '> '.repeat(3000),
      '- '.repeat(3000),
      '**a '.repeat(20_000),
      '[a]('.repeat(20_000),
      '`'.repeat(5000),
    ];
    await within(5_000, exchange('Be nasty.', hostile.join('\n\n')));
    assert.equal(await page.evaluate('document.title'), 'Parley');
    assert.deepEqual(complaints, []);
  });

  test('a failure is told plainly, with the request id, and can be tried again', async () => {
    await send('Fail, please.');
    (await vendor.next()).refuse(400, 'no such luck');
    await lastAnswer().locator('.failure').waitFor();
    assert.match((await lastAnswer().locator('.request-id').textContent()) ?? '', /^Request id: req_[\w-]+$/);
    await lastAnswer().getByRole('button', { name: 'Try again' }).click();
    const call = await vendor.next();
    assert.deepEqual(call.body['messages'], [{ role: 'user', content: 'Fail, please.' }]);
    await call.delta('Better.');
    call.finish();
    await finished();
    assert.equal(await page.locator('.exchange').count(), 1);
    assert.equal(await lastAnswer().locator('.text').textContent(), 'Better.');
  });

  test('a failure in the middle keeps what came', async () => {
    await send('Break in the middle.');
    const call = await vendor.next();
    await call.delta('Half an ans');
    await lastAnswer().getByText('Half an ans').waitFor();
    call.destroy();
    await lastAnswer().locator('.failure').waitFor();
    assert.equal(await lastAnswer().locator('.text').textContent(), 'Half an ans');
    assert.equal(await lastAnswer().locator('.request-id').count(), 1);
  });

  test('settings go with the request and survive a reload', async () => {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('System prompt').fill('Be brief.');
    await page.getByLabel('Temperature').fill('0.3');
    await page.locator('dd').first().waitFor();
    assert.match(
      (await page.locator('#server-facts').textContent()) ?? '',
      /Version1\.0\.0.*Response cache\d+ of/,
    );
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByLabel('Model').selectOption('gpt-4o');
    await page.reload();
    await page.locator('optgroup').first().waitFor({ state: 'attached' });
    const body = await exchange('Settings?', 'Yes.');
    assert.equal(body['model'], 'gpt-4o');
    assert.equal(body['temperature'], 0.3);
    assert.deepEqual((body['messages'] as unknown[])[0], { role: 'system', content: 'Be brief.' });
    assert.deepEqual(complaints, []);
  });

  test('models that can answer come first, the others say that they fall back, and do', async () => {
    const labels = await page.evaluate(
      '[...document.querySelectorAll("optgroup")].map(({ label }) => label)',
    );
    assert.deepEqual(labels, ['Available', 'Not available: falls back']);
    const option = page.locator('optgroup').last().locator(`option[value="${unconfigured}"]`);
    assert.match((await option.textContent()) ?? '', / \(falls back\)$/);
    assert.equal(await page.locator('option[value*="embedding"]').count(), 0);
    await page.getByLabel('Model').selectOption(unconfigured);
    const body = await exchange('Who answers?', 'Another one.');
    assert.equal(body['model'], 'gpt-4o');
    assert.ok((await facts().textContent())?.includes(`gpt-4o instead of ${unconfigured}`));
    assert.deepEqual(complaints, []);
  });

  test('Shift+Enter makes a new line, and Enter alone or an empty message sends nothing', async () => {
    const field = page.getByLabel('Message', { exact: true });
    await field.press('Enter');
    await field.pressSequentially('one');
    await field.press('Shift+Enter');
    await field.pressSequentially('two');
    assert.equal(await field.inputValue(), 'one\ntwo');
    assert.equal(await page.locator('.exchange').count(), 0);
    assert.deepEqual(complaints, []);
  });

  test('it speaks Chinese to Chinese browsers, and fits 360 pixels', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-browser-'));
    const chinese = await chromium.launchPersistentContext(folder, {
      executablePath,
      args,
      chromiumSandbox: false,
      locale: 'zh-CN',
      viewport: { width: 360, height: 640 },
    });
    t.after(async () => {
      await chinese.close();
      rmSync(folder, { recursive: true, force: true });
    });
    await page.close();
    page = await openPage(chinese);
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
    await page.getByRole('button', { name: '新对话' }).waitFor();
    await page.getByLabel('消息', { exact: true }).fill('你好');
    await page.keyboard.press('Enter');
    const call = await vendor.next();
    await call.delta(`${'长'.repeat(200)}\n\n\`\`\`\n${'wide '.repeat(100)}\n\`\`\`\n\n${'x'.repeat(300)}`);
    call.finish();
    await finished();
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
    assert.ok(await page.evaluate('document.querySelector("main").scrollWidth <= 360'));
    const below =
      'const main = document.querySelector("main"); main.scrollHeight - main.scrollTop - main.clientHeight';
    assert.ok(Number(await page.evaluate(below)) < 2, 'the end of the answer is in sight');
    assert.deepEqual(complaints, []);
  });
});

suite('the console of a server that wants a key', { skip }, () => {
  test('says so, and works once it is given one', async (t) => {
    const parley = await startParley({ env: { PARLEY_OPEN_GATEWAY: 'false' } });
    const folder = mkdtempSync(join(tmpdir(), 'parley-browser-'));
    const context = await chromium.launchPersistentContext(folder, {
      executablePath,
      args,
      chromiumSandbox: false,
      locale: 'en-US',
    });
    t.after(async () => {
      await context.close();
      await parley.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const key = await parley.key();
    const page = await context.newPage();
    await page.goto(parley.url);
    await page.locator('#notice').getByText('API key').waitFor();
    await page.getByLabel('Message', { exact: true }).fill('What is Parley?');
    await page.keyboard.press('Enter');
    await page.locator('.answer .failure').waitFor();
    await page.locator('.answer').getByRole('button', { name: 'Settings' }).click();
    await page.keyboard.type(key);
    await page.keyboard.press('Enter');
    await page.locator('optgroup').first().waitFor({ state: 'attached' });
    assert.equal(await page.locator('#notice').isVisible(), false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.answer .facts').getByText('parley-local').waitFor();
    assert.equal(await page.evaluate('localStorage.length'), 0);
    assert.ok(!parley.log().includes(key));
  });
});
