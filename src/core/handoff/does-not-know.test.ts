import assert from 'node:assert/strict';
import { it } from 'node:test';
import { saysItDoesNotKnow } from './does-not-know.ts';

const clueless = [
  "I do not know: the knowledge base has nothing about this. I am parley-local, Parley's built-in retrieval answerer.",
  '我不知道：知识库中没有相关内容。我是 parley-local，Parley 内置的检索应答器。',
  'I don’t know.',
  'I’m sorry, but I don’t know the answer to that.',
  'Sorry, I do not have that information.',
  'I don’t have enough information to answer this question.',
  'Unfortunately, I don’t have access to details about your order. I do not have any information about it.',
  'I’m afraid I don’t have any details about that.',
  'I couldn’t find any information about this topic.',
  'I am unable to answer this question.',
  'I cannot answer that.',
  'I have no information about shipping to Mars.',
  'The knowledge base does not contain information about refunds.',
  'The provided context doesn’t mention a warranty.',
  'There is no information about this in the documents.',
  'Hello! I’m sorry, I do not know.',
  'I’m not sure how to answer that.',
  'As an AI, I do not have access to your account information.',
  'Good question! I do not know.',
  '对不起，这个我不知道呢',
  '抱歉，我是AI，无法查询您的订单信息。',
  '我不知道。',
  '抱歉，我不知道这个问题的答案。',
  '对不起，我不清楚。',
  '很抱歉，我无法回答这个问题。',
  '抱歉，我没有找到相关信息。',
  '抱歉，目前没有关于该产品的资料。',
  '不好意思，我暂时不太了解。',
  '非常抱歉，知识库中没有相关内容。',
  '这个问题我不太清楚。',
  '您好！很抱歉，我没有查到您的订单。',
];

const knowing = [
  "Hello! I am parley-local, Parley's built-in retrieval answerer. I am not a language model: I look a question up in the knowledge base and quote the passages that fit, and I say so when there are none.",
  '你好！我是 parley-local，Parley 内置的检索应答器。我不是语言模型：我在知识库中查找问题并引用合适的段落，找不到时会如实说明。',
  'The knowledge base says:\n\n> I do not know is what it answers when nothing fits.',
  '知识库中的相关内容：\n\n> 我不知道',
  'Hello! How can I help you?',
  '你好！有什么可以帮助您的吗？',
  'Returns take 14 days.',
  'There is no fee for returns.',
  'I do not have any questions.',
  'I am not sure that this answers your question. The closest passage in the knowledge base:',
  '抱歉让您久等了，您的订单已发货。',
  'I don’t know which order you mean. Could you tell me its number?',
  'I do not know what you mean by that, could you say more?',
  'If you don’t know your password, reset it on the login page.',
  'You do not have to pay for shipping.',
  'It does not contain nuts.',
  '不知道您指的是哪个订单？',
  '不客气。',
  '如果您不知道密码，可以重置。',
  '我们的产品没有过敏原。',
  '',
];

it('an answer that says that it is none is recognised', () => {
  assert.deepEqual(
    clueless.filter((text) => !saysItDoesNotKnow(text)),
    [],
  );
});

it('small talk, questions back and answers are none of these', () => {
  assert.deepEqual(knowing.filter(saysItDoesNotKnow), []);
});
