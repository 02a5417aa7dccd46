import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import fastify from 'fastify';
import { serveConsole } from './console.ts';
import { collectOpenApi, serveDocs } from './docs.ts';

const folder = new URL('../../web/console/', import.meta.url);
const files = readdirSync(folder).sort();

async function createServer() {
  const app = fastify();
  await collectOpenApi(app, { version: '1.0.0' });
  await serveDocs(app);
  await serveConsole(app);
  return app;
}

function directives(policy: unknown): Record<string, string> {
  assert.ok(typeof policy === 'string');
  return Object.fromEntries(
    policy.split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(' ');
      return [name, sources.join(' ')];
    }),
  );
}

test('the page is at /, under a policy that allows this server alone and nothing inline', async (t) => {
  const app = await createServer();
  t.after(() => app.close());
  const response = await app.inject('/');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/html; charset=utf-8');
  assert.match(response.body, /^<!doctype html>/);
  assert.equal(response.headers['x-content-type-options'], 'nosniff');
  assert.deepEqual(directives(response.headers['content-security-policy']), {
    'default-src': "'self'",
    'object-src': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  });
});

const types: Record<string, RegExp> = {
  css: /^text\/css; charset=utf-8$/,
  js: /^(text|application)\/javascript; charset=utf-8$/,
  svg: /^image\/svg\+xml/,
};

for (const name of files.filter((file) => file !== 'index.html')) {
  test(`/console/${name} is served with its type and the policy`, async (t) => {
    const app = await createServer();
    t.after(() => app.close());
    const response = await app.inject(`/console/${name}`);
    assert.equal(response.statusCode, 200);
    assert.equal(response.body, readFileSync(new URL(name, folder), 'utf8'));
    assert.match(String(response.headers['content-type']), types[name.split('.').at(-1) ?? ''] ?? /^$/);
    assert.equal(directives(response.headers['content-security-policy'])['default-src'], "'self'");
  });
}

test('what the page loads is there, and relative, so that it works behind a prefix', async (t) => {
  const app = await createServer();
  t.after(() => app.close());
  const { body } = await app.inject('/');
  const links = [...body.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, link = '']) => link);
  assert.ok(links.length >= 5);
  for (const link of links.filter((one) => one !== 'metrics')) {
    assert.doesNotMatch(link, /^[/.]|:/);
    const { statusCode } = await app.inject(`/${link}`);
    assert.ok(statusCode === 200 || statusCode === 302, `${link} answers ${statusCode}`);
  }
});

test('no file names another host, and no script makes markup or code of text', () => {
  for (const name of files) {
    const text = readFileSync(new URL(name, folder), 'utf8').replace('http://www.w3.org/2000/svg', '');
    assert.doesNotMatch(text, /(?:https?:)?\/\/[a-z0-9]+\.[a-z0-9]/i, name);
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(/,
      name,
    );
    assert.doesNotMatch(text, /<style|\sstyle="|\son[a-z]+="|<script(?![^>]*\ssrc=)/i, name);
  }
});

test('an unchanged file is not sent again', async (t) => {
  const app = await createServer();
  t.after(() => app.close());
  const { etag = '', 'cache-control': cacheControl } = (await app.inject('/console/console.js')).headers;
  assert.equal(cacheControl, 'no-cache');
  const again = await app.inject({ url: '/console/console.js', headers: { 'if-none-match': String(etag) } });
  assert.equal(again.statusCode, 304);
});

test('nothing else is served: neither other files nor the page under a second address', async (t) => {
  const app = await createServer();
  t.after(() => app.close());
  for (const path of [
    '/console/',
    '/console/index.html',
    '/console/../../package.json',
    '/console/%2e%2e/x',
  ]) {
    const { statusCode } = await app.inject(path);
    assert.ok(statusCode === 403 || statusCode === 404, `${path} answers ${statusCode}`);
  }
});

test('the console is no part of the API description', async (t) => {
  const app = await createServer();
  t.after(() => app.close());
  const { paths } = (await app.inject('/openapi.json')).json<{ paths?: Record<string, unknown> }>();
  assert.deepEqual(Object.keys(paths ?? {}), []);
});
