import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { smallTalkOf } from './small-talk.ts';

const greetings = [
  'Hi',
  'hello!',
  'Hey there',
  'Good morning.',
  'Hello, how are you?',
  'How are you?',
  '你好',
  '您好！',
  '你好吗？',
];
const identities = [
  '你好，我需要帮助',
  'Hello, I need help',
  'can somebody help me please?',
  '我有一个问题想问',
  'Who are you?',
  'hi, who are you',
  'What is your name?',
  'are you ChatGPT?',
  'Are you a real person or a bot?',
  'What model are you?',
  'What can you do?',
  'Tell me about yourself.',
  '你是谁？',
  '你好，你是谁呀？',
  '你是什么模型',
  '你是机器人吗？',
  '你是不是大语言模型',
  '请介绍一下你自己',
  '你能做什么？',
];
const questions = [
  'history of Rome',
  'hire a developer',
  'hello world in Python',
  'Hi, how do I change the port?',
  'What are the rate limits?',
  'who are your providers',
  '你好，怎么启动？',
  '你是怎么实现缓存的',
  '',
  '   ',
  '?',
];

test('greetings, questions about itself, and everything else are told apart', () => {
  for (const text of greetings) assert.equal(smallTalkOf(text), 'greeting', text);
  for (const text of identities) assert.equal(smallTalkOf(text), 'identity', text);
  for (const text of questions) assert.equal(smallTalkOf(text), null, text);
});

test('a long message is never small talk', () => {
  assert.equal(smallTalkOf(`hello${' '.repeat(100)}`), null);
});

test('any text can be judged', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void smallTalkOf(text)));
});
